//! What a disk holds: the live view of a running process, the durable one, and the operations between the two.
//!
//! Everything that changes is an [`Op`], and the image after a list of them depends on nothing else; so every moment of
//! a run can be rebuilt from its journal. An operation stays *pending* until a sync that covers it; what a power cut
//! makes of pending ones is chosen by `power_cut`.

use bytes::Bytes;
use std::collections::BTreeMap;

pub type Node = usize;
pub const ROOT: Node = 0;

/// One change, or one sync.
#[derive(Debug, Clone)]
pub enum Op {
    Create {
        dir: Node,
        name: String,
        node: Node,
        kind: Kind,
    },
    /// One step, as on a file system with a journal: after a cut the old name is there or the new one.
    Rename {
        from: Node,
        from_name: String,
        to: Node,
        to_name: String,
        node: Node,
    },
    Unlink {
        dir: Node,
        name: String,
    },
    Write {
        node: Node,
        position: usize,
        bytes: Bytes,
    },
    SetLen {
        node: Node,
        len: usize,
    },
    SyncFile {
        node: Node,
    },
    SyncDir {
        node: Node,
    },
    SyncAll,
    /// A sync that failed: the kernel counts the pages as clean, and no later sync writes them.
    FailedSync {
        node: Node,
    },
    /// What is read next comes from the device, which never got what a failed sync left. The file keeps its length.
    DropCache {
        node: Node,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    File,
    Dir,
}

#[derive(Debug, Clone)]
pub enum Content {
    File { live: Vec<u8>, durable: Vec<u8> },
    Dir { live: BTreeMap<String, Node>, durable: BTreeMap<String, Node> },
}

/// An operation that no sync has covered.
#[derive(Debug, Clone)]
pub struct Pending {
    pub op: Op,
    /// No sync will cover it any more.
    pub abandoned: bool,
}

/// What a power cut makes of one pending operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Lost,
    Kept,
    /// Of a write: the file grew, its new bytes are zeros.
    Zeros,
    /// Of a write: its first so many bytes, or all but those.
    Head(usize),
    Tail(usize),
}

#[derive(Debug, Clone)]
pub struct Image {
    pub nodes: Vec<Content>,
    pub pending: Vec<Pending>,
}

impl Default for Image {
    fn default() -> Self {
        Self { nodes: vec![Content::empty(Kind::Dir)], pending: Vec::new() }
    }
}

impl Content {
    fn empty(kind: Kind) -> Self {
        match kind {
            Kind::File => Self::File { live: Vec::new(), durable: Vec::new() },
            Kind::Dir => Self::Dir { live: BTreeMap::new(), durable: BTreeMap::new() },
        }
    }
}

/// Which of the two views an operation changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum View {
    Live,
    Durable,
}

impl Image {
    pub fn apply(&mut self, op: &Op) {
        match op {
            Op::SyncFile { node } => self.settle(|op| op.data_of() == Some(*node)),
            Op::SyncDir { node } => self.settle(|op| op.names_of(*node)),
            Op::SyncAll => self.settle(|_| true),
            Op::FailedSync { node } => {
                for pending in &mut self.pending {
                    pending.abandoned |= pending.op.data_of() == Some(*node);
                }
            }
            Op::DropCache { node } => self.drop_cache(*node),
            change => {
                if let Op::Create { node, kind, .. } = change {
                    debug_assert_eq!(*node, self.nodes.len(), "nodes are numbered in the order of creation");
                    self.nodes.push(Content::empty(*kind));
                }
                self.change(change, View::Live, Outcome::Kept);
                self.pending.push(Pending { op: change.clone(), abandoned: false });
            }
        }
    }

    /// Makes durable what a sync covers, in the order in which it was done.
    fn settle(&mut self, covers: impl Fn(&Op) -> bool) {
        let (settled, pending) = std::mem::take(&mut self.pending)
            .into_iter()
            .partition::<Vec<_>, _>(|pending| !pending.abandoned && covers(&pending.op));
        self.pending = pending;
        for Pending { op, .. } in settled {
            self.change(&op, View::Durable, Outcome::Kept);
        }
    }

    fn change(&mut self, op: &Op, view: View, outcome: Outcome) {
        match op {
            Op::Create { dir, name, node, .. } => drop(self.names(*dir, view).insert(name.clone(), *node)),
            Op::Rename { from, from_name, to, to_name, node } => {
                let source = self.names(*from, view);
                if source.get(from_name) == Some(node) {
                    source.remove(from_name);
                }
                self.names(*to, view).insert(to_name.clone(), *node);
            }
            Op::Unlink { dir, name } => drop(self.names(*dir, view).remove(name)),
            Op::Write { node, position, bytes } => write(self.bytes(*node, view), *position, bytes, outcome),
            Op::SetLen { node, len } => self.bytes(*node, view).resize(*len, 0),
            Op::SyncFile { .. }
            | Op::SyncDir { .. }
            | Op::SyncAll
            | Op::FailedSync { .. }
            | Op::DropCache { .. } => {}
        }
    }

    /// Whether a failed sync left something of a file in the page cache that no sync will write.
    pub fn has_abandoned(&self, node: Node) -> bool {
        self.pending.iter().any(|pending| pending.abandoned && pending.op.data_of() == Some(node))
    }

    fn drop_cache(&mut self, node: Node) {
        self.pending.retain(|pending| !pending.abandoned || pending.op.data_of() != Some(node));
        if let Content::File { live, durable } = &mut self.nodes[node] {
            // The length is the inode's and stays; where the device has nothing, zeros are read.
            let len = live.len();
            live.clone_from(durable);
            live.resize(len, 0);
        }
        let of_file = |pending: &&Pending| pending.op.data_of() == Some(node);
        let dirty: Vec<Op> = self.pending.iter().filter(of_file).map(|pending| pending.op.clone()).collect();
        for op in dirty {
            self.change(&op, View::Live, Outcome::Kept);
        }
    }

    /// The image as the next start finds it, one outcome for each pending operation.
    #[must_use]
    pub fn after_cut(&self, outcomes: &[Outcome]) -> Image {
        let mut after = self.clone();
        for (pending, outcome) in std::mem::take(&mut after.pending).iter().zip(outcomes) {
            if *outcome != Outcome::Lost {
                after.change(&pending.op, View::Durable, *outcome);
            }
        }
        let mut reachable = vec![false; after.nodes.len()];
        let mut queue = vec![ROOT];
        while let Some(node) = queue.pop() {
            if std::mem::replace(&mut reachable[node], true) {
                continue;
            }
            if let Content::Dir { durable, .. } = &after.nodes[node] {
                queue.extend(durable.values());
            }
        }
        for (content, reachable) in after.nodes.iter_mut().zip(reachable) {
            match content {
                content if !reachable => *content = Content::empty(Kind::File),
                Content::File { live, durable } => live.clone_from(durable),
                Content::Dir { live, durable } => live.clone_from(durable),
            }
        }
        after
    }

    pub fn used_bytes(&self) -> u64 {
        let (mut total, mut queue) = (0, vec![ROOT]);
        while let Some(node) = queue.pop() {
            match &self.nodes[node] {
                Content::File { live, .. } => total += live.len() as u64,
                Content::Dir { live, .. } => queue.extend(live.values()),
            }
        }
        total
    }

    fn names(&mut self, dir: Node, view: View) -> &mut BTreeMap<String, Node> {
        match (&mut self.nodes[dir], view) {
            (Content::Dir { live, .. }, View::Live) => live,
            (Content::Dir { durable, .. }, View::Durable) => durable,
            (Content::File { .. }, _) => unreachable!("names are changed in directories only"),
        }
    }

    fn bytes(&mut self, node: Node, view: View) -> &mut Vec<u8> {
        match (&mut self.nodes[node], view) {
            (Content::File { live, .. }, View::Live) => live,
            (Content::File { durable, .. }, View::Durable) => durable,
            (Content::Dir { .. }, _) => unreachable!("bytes are written to files only"),
        }
    }
}

fn write(target: &mut Vec<u8>, position: usize, bytes: &[u8], outcome: Outcome) {
    let end = position + bytes.len();
    let (from, to) = match outcome {
        Outcome::Lost => return,
        Outcome::Kept => (0, bytes.len()),
        Outcome::Zeros => (0, 0),
        Outcome::Head(len) => (0, len.min(bytes.len())),
        Outcome::Tail(len) => (len.min(bytes.len()), bytes.len()),
    };
    let grown = if matches!(outcome, Outcome::Head(_)) { position + to } else { end };
    if target.len() < grown {
        target.resize(grown, 0);
    }
    target[position + from..position + to].copy_from_slice(&bytes[from..to]);
}

impl Op {
    /// The file whose bytes it changes.
    pub fn data_of(&self) -> Option<Node> {
        match self {
            Self::Write { node, .. } | Self::SetLen { node, .. } => Some(*node),
            _ => None,
        }
    }

    /// Whether it changes names of a directory.
    fn names_of(&self, directory: Node) -> bool {
        match self {
            Self::Create { dir, .. } | Self::Unlink { dir, .. } => *dir == directory,
            Self::Rename { from, to, .. } => *from == directory || *to == directory,
            _ => false,
        }
    }
}
