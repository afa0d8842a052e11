//! The switch of planted bugs: one static a module of `Control`s, and nothing at all in a build without them.

/// Beside an enum `Control` (`repr(u32)`, its first value `None`): `active`, which is false for ever unless the crate has
/// its feature `controls`, and with that feature `activate`. The feature is that of the crate which calls this.
#[macro_export]
macro_rules! control_switch {
    () => {
        #[cfg(feature = "controls")]
        static ACTIVE: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);

        /// Switches one bug on for the whole process, and the others off.
        #[cfg(feature = "controls")]
        pub fn activate(control: Control) {
            ACTIVE.store(control as u32, std::sync::atomic::Ordering::SeqCst);
        }

        #[cfg(feature = "controls")]
        pub(crate) fn active(control: Control) -> bool {
            ACTIVE.load(std::sync::atomic::Ordering::Relaxed) == control as u32
        }

        #[cfg(not(feature = "controls"))]
        pub(crate) const fn active(_: Control) -> bool {
            false
        }
    };
}
