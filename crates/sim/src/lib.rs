//! Proof, for development only: a simulated disk, the crash suite and the suite of damage over it, and the whole broker
//! in a simulation.
//!
//! The disk makes every state that a power cut may leave; the suite looks at all of them, moment by moment. Nothing of
//! this is in the product, and nothing of the product knows of it.

pub mod broker;
pub mod checker;
pub mod crash;
pub mod damage;
pub mod disk;
