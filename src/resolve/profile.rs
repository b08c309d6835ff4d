//! Profiles: the entries of `images`, and which of them a server gets.

use std::sync::Arc;

use crate::check;
use crate::check::canonical::{self, printable};
use crate::diag::{Diagnostic, Diagnostics, closest, code};
use crate::source::{Map, Node, SourceMap, Value, World};

use super::access::Access;
use super::decode::Fixed;
use super::layers::Layers;
use super::merge::{Mode, merge, unset};
use super::roster::User;
use super::scope::Failure;
use super::settings::no_template;
use super::{Compiler, Request};

/// The name of the one profile of a config that has no `images` but sets `container_spec.image`.
const ONLY_PROFILE: &str = "default";

/// A profile with its tree.
#[derive(Debug)]
pub struct Profile {
    /// Its name.
    pub name: Arc<str>,
    /// Who may use it.
    pub access: Access,
    /// The config's tree with the profile laid over it.
    pub spec: Node,
    /// What was found on the way.
    pub findings: Vec<Diagnostic>,
    /// What is the same for all its servers.
    pub fixed: Fixed,
}

impl Profile {
    /// A copy for another thread, which shares nothing that is counted.
    pub fn apart(&self) -> Self {
        Self {
            name: Arc::from(&*self.name),
            access: self.access.clone(),
            spec: self.spec.apart(),
            findings: self.findings.clone(),
            fixed: self.fixed.apart(),
        }
    }

    /// Reads a document's profiles.
    pub fn read_all(
        root: &Node,
        base: Node,
        layers: &Layers,
        world: &dyn World,
        sources: &SourceMap,
        diagnostics: &mut Diagnostics,
    ) -> Vec<Self> {
        let Some(images) = root.get("images").and_then(Node::as_seq) else {
            if base.get("image").is_none() {
                diagnostics.push(
                    Diagnostic::new(&code::NO_PROFILE, "the config names no image")
                        .at(root.span.slice(0, 0), "")
                        .help("add an entry to `images`, or set `container_spec.image`"),
                );
            }
            return vec![Self {
                name: ONLY_PROFILE.into(),
                access: Access::Everybody,
                spec: base,
                findings: Vec::new(),
                fixed: Fixed::default(),
            }];
        };
        if images.is_empty()
            && let Some(entry) = root.entry("images")
        {
            diagnostics.push(
                Diagnostic::new(&code::NO_PROFILE, "`images` is empty: nobody could start a server")
                    .at(entry.value.span, "")
                    .help("add a profile: `{ name = \"Python\", image = \"..\" }`"),
            );
        }
        let mut known = Vec::new();
        images
            .iter()
            .map(|merged| {
                let name = merged.get("name");
                diagnostics.extend(name.and_then(|node| no_template("name", node)));
                let name = name.and_then(Node::as_str).unwrap_or_default();
                let mut spec = base.clone();
                let mut findings = Vec::new();
                layers.of_profile(name, merged).iter().for_each(|layer| lay(&mut spec, layer, &mut findings));
                Self {
                    name: name.into(),
                    access: Access::read(merged.get("access"), world, sources, diagnostics),
                    fixed: Fixed::new(alike(&spec, &mut known)),
                    spec,
                    findings,
                }
            })
            .collect()
    }
}

/// A number for each mount of a tree: its place among the known ones that differ.
fn alike(spec: &Node, known: &mut Vec<Node>) -> Vec<usize> {
    let mounts = spec.get("container_spec").and_then(|container| container.get("mounts")).and_then(Node::as_seq);
    let number = |mount: &Node| {
        let number = known.iter().position(|own| own.span == mount.span && own == mount);
        number.unwrap_or_else(|| {
            known.push(mount.clone());
            known.len() - 1
        })
    };
    mounts.unwrap_or_default().iter().map(number).collect()
}

/// Lays a profile or a user's overrides over a tree: first what it unsets, then what it sets.
pub fn lay(spec: &mut Node, layer: &Node, findings: &mut Vec<Diagnostic>) {
    for path in layer.get("unset").and_then(Node::as_seq).unwrap_or_default() {
        let Some(text) = path.as_str() else { continue };
        if !unset(spec, text) {
            findings.push(
                Diagnostic::new(&code::UNSET_NOTHING, format!("nothing sets `{}`", printable(text)))
                    .at(path.span, "")
                    .help("name what an earlier layer sets: `env.NAME`, `mounts:/target`, `resource_spec.cpu_limit`"),
            );
        }
    }
    let mode = if layer.get("merge").and_then(Node::as_str) == Some("deep") { Mode::Deep } else { Mode::Table };
    let own = layer.as_map().into_iter().flatten();
    let entries = own.filter(|entry| !matches!(&*entry.key, "access" | "description" | "merge" | "unset")).cloned();
    merge(spec, &Node::new(layer.span, Value::Map(Map { entries: entries.collect() })), mode);
}

/// Checks a layer that did not come from a config document, and makes it canonical.
pub fn check_layer(layer: &mut Node) -> Diagnostics {
    let mut diagnostics = check::schema::check_overrides(layer);
    if !diagnostics.has_errors() {
        canonical::layer(layer, &mut diagnostics);
    }
    diagnostics
}

/// The keys of a request that choose a profile by its name, of which the first that is there counts.
const CHOOSING: [&str; 2] = ["profile", "user_selected_name"];

impl Compiler<'_> {
    /// The profile that a server gets: the operator's choice, the request's, the user's, the first allowed.
    pub(super) fn profile_for(&self, user: &User<'_>, request: &Request<'_>) -> Result<&Profile, Failure> {
        if let Some(name) = request.profile {
            return self.named(name, user, |diagnostic| diagnostic);
        }
        if let Some(profile) = self.chosen(user, request)? {
            return Ok(profile);
        }
        if let Some((name, span)) = &user.profile {
            return self.named(name, user, |diagnostic| diagnostic.at(*span, "the user's profile"));
        }
        self.profiles().iter().find(|profile| profile.access.admits(user)).ok_or_else(|| {
            Box::new(
                Diagnostic::new(&code::NO_PROFILE, "there is no profile that the user may use")
                    .maybe_at(user.span, "")
                    .help("add the user or one of their groups to the `access` of a profile"),
            )
        })
    }

    /// The name of a profile that a request chooses and the user may not have, be it that there is none of that name.
    #[must_use]
    pub fn unavailable<'o>(&self, user: &User<'_>, options: Option<&'o Node>) -> Option<&'o str> {
        let name = CHOOSING.iter().find_map(|key| options?.entry(key)?.value.as_str())?;
        self.named(name, user, |diagnostic| diagnostic).is_err().then_some(name)
    }

    /// The profile that a request chooses, if it chooses one.
    fn chosen(&self, user: &User<'_>, request: &Request<'_>) -> Result<Option<&Profile>, Failure> {
        let Some(options) = request.options else { return Ok(None) };
        let Some(entry) = CHOOSING.iter().chain(&["user_selected_image"]).find_map(|key| options.entry(key)) else {
            return Ok(None);
        };
        if !self.settings.use_user_options {
            return Err(Box::new(
                Diagnostic::new(&code::OPTION_NOT_ALLOWED, "a request may not choose a profile")
                    .at(entry.key_span, "")
                    .help("to let users choose, set `use_user_options = true`"),
            ));
        }
        let Some(name) = entry.value.as_str() else {
            return Err(Box::new(
                Diagnostic::new(&code::WRONG_TYPE, format!("expected a name, found {}", entry.value.type_name()))
                    .at(entry.value.span, ""),
            ));
        };
        if &*entry.key == "user_selected_image" {
            return Err(Box::new(
                Diagnostic::new(&code::UNKNOWN_PROFILE, "a profile is chosen by its name, not by its image alone")
                    .at(entry.key_span, "")
                    .help("set `user_selected_name`, or `profile`"),
            ));
        }
        let profile = self.named(name, user, |diagnostic| diagnostic.at(entry.value.span, "asked for here"))?;
        if let Some(image) = options.entry("user_selected_image")
            && image.value.as_str() != Some(&*self.image_for(user, profile, request))
        {
            return Err(Box::new(
                Diagnostic::new(&code::UNKNOWN_PROFILE, "this image is not the profile's")
                    .at(image.value.span, "asked for here")
                    .maybe_at(profile.spec.get("image").map(|image| image.span), "the profile's image"),
            ));
        }
        Ok(Some(profile))
    }

    fn named(
        &self,
        name: &str,
        user: &User<'_>,
        place: impl Fn(Diagnostic) -> Diagnostic,
    ) -> Result<&Profile, Failure> {
        let Some(profile) = self.profiles().iter().find(|profile| &*profile.name == name) else {
            let message = match name {
                "" => "the name of the profile is empty".to_owned(),
                _ => format!("no profile is called `{}`", printable(name)),
            };
            let diagnostic = place(Diagnostic::new(&code::UNKNOWN_PROFILE, message));
            // Only what the user may use is told.
            let allowed = self.allowed_profiles(user);
            let near = closest(name, allowed.iter().map(|name| &**name));
            let names: Vec<String> = allowed.iter().map(|name| format!("`{}`", printable(name))).collect();
            return Err(Box::new(match (near, names.as_slice()) {
                (Some(near), _) => diagnostic.help(format!("did you mean `{}`?", printable(near))),
                (None, []) => diagnostic.note("the user may use no profile at all"),
                (None, [only]) => diagnostic.help(format!("choose {only}")),
                (None, names) => diagnostic.help(format!("choose one of {}", names.join(", "))),
            }));
        };
        if profile.access.admits(user) {
            return Ok(profile);
        }
        Err(Box::new(
            place(Diagnostic::new(
                &code::ACCESS_DENIED,
                format!("the user may not use the profile `{}`", printable(name)),
            ))
            .help("add the user or one of their groups to the profile's `access`"),
        ))
    }
}
