//! The packages as `cargo metadata` resolves them, reduced to what tidy asks: names, licences, edges.

use crate::process::{cargo, output};
use anyhow::{Context, Result};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

#[derive(Debug, Default)]
pub struct Graph {
    /// Every package of the resolution, by its id.
    pub packages: BTreeMap<String, Package>,
    /// Ids of the packages of this workspace.
    pub members: BTreeSet<String>,
}

#[derive(Debug, Default)]
pub struct Package {
    pub name: String,
    pub version: String,
    pub license: Option<String>,
    /// Ids of what it needs to run or to be built.
    pub normal: BTreeSet<String>,
    /// Ids of what only its tests need.
    pub dev: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<MetadataPackage>,
    workspace_members: Vec<String>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct MetadataPackage {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<Kind>,
}

#[derive(Deserialize)]
struct Kind {
    kind: Option<String>,
}

impl Graph {
    /// The packages of the workspace with this manifest.
    pub fn load(root: &Path, manifest: &str) -> Result<Self> {
        let how = ["metadata", "--format-version", "1", "--locked", "--all-features", "--manifest-path"];
        let text = output(root, &cargo(), &[&how[..], &[manifest]].concat())?;
        Ok(Self::from(serde_json::from_str::<Metadata>(&text).context("parse the output of cargo metadata")?))
    }

    /// Packages that end up in the binary or build it: everything members reach without their dev-dependencies.
    pub fn shipped(&self) -> BTreeSet<String> {
        let is_product =
            |id: &&String| !matches!(self.packages[*id].name.as_str(), "xtask" | "ottla-sim" | "ottla-fuzz");
        let mut open: Vec<String> = self.members.iter().filter(is_product).cloned().collect();
        let mut reached = BTreeSet::new();
        while let Some(id) = open.pop() {
            if reached.insert(id.clone()) {
                open.extend(self.packages[&id].normal.iter().cloned());
            }
        }
        reached
    }
}

impl From<Metadata> for Graph {
    fn from(metadata: Metadata) -> Self {
        let mut packages: BTreeMap<String, Package> = metadata
            .packages
            .into_iter()
            .map(|p| {
                (p.id, Package { name: p.name, version: p.version, license: p.license, ..Package::default() })
            })
            .collect();
        for node in metadata.resolve.nodes {
            let Some(package) = packages.get_mut(&node.id) else { continue };
            for dependency in node.deps {
                let only_dev = dependency.dep_kinds.iter().all(|k| k.kind.as_deref() == Some("dev"));
                let edges = if only_dev { &mut package.dev } else { &mut package.normal };
                edges.insert(dependency.pkg);
            }
        }
        Self { packages, members: metadata.workspace_members.into_iter().collect() }
    }
}
