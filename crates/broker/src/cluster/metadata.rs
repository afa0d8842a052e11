//! The newest image of the metadata, built from what the coordination engine committed.
//!
//! [`Metadata::image`] is a consistent instant that never waits. Whoever committed something waits for its revision
//! ([`Metadata::wait_for`]): by then the image is published and everybody who was to be told (the partitions) was told.
//! Images follow the commits in revision order; a reader that falls behind lists again and goes on from there.

use super::coord::{Commit, Coord, CoordError, Listing, Revision, Watch};
use arc_swap::ArcSwap;
use ottla_state::{Change, EntryError, Image};
use std::fmt;
use std::sync::Arc;
use tokio::sync::watch;

/// Told of each image before it is published, in order. Must not wait for anything.
pub type OnImage = dyn Fn(&Arc<Image>) + Send + Sync;

#[derive(Debug, Clone, thiserror::Error)]
pub enum MetadataError {
    #[error(transparent)]
    Coord(#[from] CoordError),
    #[error(transparent)]
    Entry(#[from] EntryError),
}

/// How far the images are, and whether another one can follow.
#[derive(Debug, Clone, Copy)]
struct Reached {
    revision: Revision,
    ended: bool,
}

pub struct Metadata {
    image: ArcSwap<Image>,
    reached: watch::Sender<Reached>,
    on_image: Box<OnImage>,
}

impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metadata").field("revision", &self.revision()).finish_non_exhaustive()
    }
}

impl Metadata {
    /// Reads all there is, and starts to watch. The caller runs [`follow`].
    pub async fn open(
        coord: &dyn Coord,
        on_image: Box<OnImage>,
    ) -> Result<(Arc<Self>, Watch), MetadataError> {
        let (image, revision, watch) = read(coord).await?;
        let image = Arc::new(image);
        on_image(&image);
        let reached = watch::Sender::new(Reached { revision, ended: false });
        Ok((Arc::new(Self { image: ArcSwap::new(image), reached, on_image }), watch))
    }

    pub fn image(&self) -> Arc<Image> {
        self.image.load_full()
    }

    /// What the newest image contains.
    pub fn revision(&self) -> Revision {
        self.reached.borrow().revision
    }

    /// Waits until the image contains a revision. False when that will never be, because the broker stops.
    pub async fn wait_for(&self, revision: Revision) -> bool {
        let mut reached = self.reached.subscribe();
        let found = reached.wait_for(|reached| reached.revision >= revision || reached.ended).await;
        found.is_ok_and(|reached| reached.revision >= revision)
    }

    fn publish(&self, image: Image, revision: Revision) {
        let image = Arc::new(image);
        (self.on_image)(&image);
        self.image.store(image);
        self.reached.send_modify(|reached| reached.revision = revision);
    }
}

async fn read(coord: &dyn Coord) -> Result<(Image, Revision, Watch), MetadataError> {
    loop {
        let Listing { revision, entries } = coord.list("").await?;
        let changes: Result<Vec<Change>, EntryError> =
            entries.iter().map(|e| Change::from_entry(&e.key, Some(&e.value), e.created)).collect();
        match coord.watch(revision).await {
            Ok(watch) => return Ok((Image::from_state(changes?), revision, watch)),
            Err(CoordError::Forgotten(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Publishes an image for each commit (for several at once, where several wait). Ends with the engine.
pub(super) async fn follow(
    metadata: Arc<Metadata>,
    coord: Arc<dyn Coord>,
    mut watch: Watch,
) -> Result<(), MetadataError> {
    // Whoever still waits when this ends would wait for ever.
    let _end = EndOfImages(Arc::clone(&metadata));
    loop {
        let Some(first) = watch.next().await else {
            let (image, revision, next) = read(coord.as_ref()).await?;
            if revision == metadata.revision() {
                return Ok(());
            }
            metadata.publish(image, revision);
            watch = next;
            continue;
        };
        let mut image = metadata.image().as_ref().clone();
        let mut revision = metadata.revision();
        let mut next = Some(first);
        while let Some(commit) = next {
            revision = advance(&mut image, revision, &commit)?;
            next = watch.try_next();
        }
        metadata.publish(image, revision);
    }
}

fn advance(image: &mut Image, revision: Revision, commit: &Commit) -> Result<Revision, EntryError> {
    if commit.revision <= revision {
        return Ok(revision);
    }
    assert_eq!(commit.revision, revision + 1, "a watch leaves no commit out");
    for event in &commit.events {
        image.advance([&Change::from_entry(&event.key, event.value.as_deref(), event.created)?]);
    }
    Ok(commit.revision)
}

struct EndOfImages(Arc<Metadata>);

impl Drop for EndOfImages {
    fn drop(&mut self) {
        self.0.reached.send_modify(|reached| reached.ended = true);
    }
}
