//! What tags stand for: digests and platforms, asked of the registries by way of the engine.
//!
//! Source: moby, `client/service_create.go`; docker/cli pins images the same way.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;

use super::api::{ApiError, SwarmApi};
use super::credentials::{Credentials, HELPER_LIMIT};
use crate::check::image::Reference;
use crate::plan::cluster::image::ImageState;
use crate::source::World;

/// How long all registries together may take.
pub const LIMIT: Duration = Duration::from_secs(5);

/// How many registries are asked at once.
const AT_ONCE: usize = 16;

/// An image with what its tag stands for now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pinned {
    /// The reference with its digest, `repo:tag@sha256:..`.
    pub image: String,
    /// The platforms that it runs on, as architecture and operating system, as they stand in a service's placement.
    pub platforms: Vec<(String, String)>,
}

/// What was found of some images.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resolved {
    /// Those that a registry knows, by their references as they were asked for.
    pub pinned: BTreeMap<String, Pinned>,
    /// Why others have no digest, by their references; nodes pull them on their own, maybe in different versions.
    pub problems: BTreeMap<String, String>,
}

/// Asks for the digests of images, each once, all within `limit`. Those that have a digest are not asked for.
pub async fn resolve(
    engine: &impl SwarmApi,
    images: &BTreeSet<String>,
    credentials: &Credentials,
    limit: Duration,
) -> Resolved {
    let end = tokio::time::Instant::now() + limit;
    let asked = images.iter().filter_map(|image| Some((image, tagged(image)?))).map(async |(image, tagged)| {
        let answer = engine.image_digest(&tagged, credentials.of(image));
        let found = match tokio::time::timeout_at(end, answer).await {
            Ok(Ok(found)) => {
                let platforms = found.platforms.into_iter().map(|(arch, os)| (architecture(arch), os)).collect();
                Ok(Pinned { image: format!("{tagged}@{}", found.digest), platforms })
            }
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("its registry did not answer within {} s", limit.as_secs_f64())),
        };
        (image.clone(), found)
    });
    let answers: Vec<_> = stream::iter(asked).buffer_unordered(AT_ONCE).collect().await;
    let mut resolved = Resolved::default();
    for (image, found) in answers {
        match found {
            Ok(pinned) => drop(resolved.pinned.insert(image, pinned)),
            Err(problem) => drop(resolved.problems.insert(image, problem)),
        }
    }
    resolved
}

/// Looks where images can be had: on the engine's node, else at their registries, all within [`LIMIT`].
pub async fn look<'a>(
    engine: &impl SwarmApi,
    images: impl IntoIterator<Item = &'a str>,
    world: &dyn World,
) -> BTreeMap<String, ImageState> {
    let images: BTreeSet<String> = images.into_iter().map(str::to_owned).collect();
    let here = on_node(engine, &images).await;
    let others: BTreeSet<String> = images.difference(&here).cloned().collect();
    let mut states: BTreeMap<_, _> = here.into_iter().map(|image| (image, ImageState::OnNode)).collect();
    let credentials = Credentials::gather(others.iter().map(String::as_str), world, HELPER_LIMIT).await;
    states.extend(at_registries(engine, &others, &credentials).await);
    states
}

/// Those of some images that the engine's node has, as far as it says.
pub async fn on_node(engine: &impl SwarmApi, images: &BTreeSet<String>) -> BTreeSet<String> {
    let asked = images.iter().map(async |image| (image, engine.has_image(image).await));
    let answers: Vec<_> = stream::iter(asked).buffer_unordered(AT_ONCE).collect().await;
    answers.into_iter().filter(|(_, has)| matches!(has, Ok(true))).map(|(image, _)| image.clone()).collect()
}

/// Looks whether registries know images, all within [`LIMIT`].
pub async fn at_registries(
    engine: &impl SwarmApi,
    images: &BTreeSet<String>,
    credentials: &Credentials,
) -> BTreeMap<String, ImageState> {
    let end = tokio::time::Instant::now() + LIMIT;
    let asked = images.iter().map(async |image| {
        let state = match tokio::time::timeout_at(end, engine.image_digest(image, credentials.of(image))).await {
            Ok(Ok(_)) => ImageState::Resolved,
            Ok(Err(error @ (ApiError::NotFound { .. } | ApiError::Refused { .. }))) => {
                ImageState::Missing(error.to_string())
            }
            Ok(Err(error)) => ImageState::Unknown(error.to_string()),
            Err(_) => ImageState::Unknown(format!("its registry did not answer within {} s", LIMIT.as_secs())),
        };
        (image.clone(), state)
    });
    stream::iter(asked).buffer_unordered(AT_ONCE).collect().await
}

/// A reference as the docker CLI writes it, with its tag; none where it has a digest or is no reference.
pub fn tagged(image: &str) -> Option<String> {
    let reference = Reference::parse(image).filter(|reference| reference.digest.is_none())?;
    let mut name = reference.name;
    for hub in ["docker.io/", "index.docker.io/"] {
        if let Some(rest) = name.strip_prefix(hub) {
            name = rest.strip_prefix("library/").filter(|rest| !rest.contains('/')).unwrap_or(rest);
        }
    }
    Some(format!("{name}:{}", reference.tag.unwrap_or("latest")))
}

/// Nodes tell more exactly which ARM they are than images do, and would never match.
fn architecture(text: String) -> String {
    if text.eq_ignore_ascii_case("arm") { String::new() } else { text }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use serde_json::json;

    use super::*;
    use crate::apply::fake::{Answer, FakeEngine, ok, run};

    fn set(images: &[&str]) -> BTreeSet<String> {
        images.iter().map(|image| (*image).to_owned()).collect()
    }

    #[test]
    fn references_as_the_cli_writes_them() {
        for (image, expected) in [
            ("a", Some("a:latest")),
            ("a:1", Some("a:1")),
            ("docker.io/library/a:1", Some("a:1")),
            ("index.docker.io/me/a", Some("me/a:latest")),
            ("library/a", Some("library/a:latest")),
            ("docker.io/library/b/a", Some("library/b/a:latest")),
            ("host:5000/library/a", Some("host:5000/library/a:latest")),
            ("a@sha256:0123456789abcdef0123456789abcdef", None),
            ("no image", None),
        ] {
            assert_eq!(tagged(image).as_deref(), expected, "{image}");
        }
    }

    #[test]
    fn tags_are_kept_and_registries_that_say_no_are_told() {
        let fake = FakeEngine::start(|asked| match asked.target.as_str() {
            "/v1.41/distribution/quay.io/a:1/json" => ok(json!({
                "Descriptor": {"digest": "sha256:abc"},
                "Platforms": [{"architecture": "amd64", "os": "linux"}, {"architecture": "arm", "os": "linux"}],
            })),
            "/v1.41/distribution/b:latest/json" => ok(json!({"Descriptor": {"digest": "sha256:def"}})),
            _ => Answer::Status(403, r#"{"message": "denied: not yours"}"#.to_owned()),
        });
        let pinned_already = "c@sha256:0123456789abcdef0123456789abcdef";
        let images = set(&["quay.io/a:1", "b", "private/x:1", pinned_already]);
        let resolved = run(async { resolve(&fake.connect().await, &images, &Credentials::default(), LIMIT).await });
        let platforms = |list: &[(&str, &str)]| list.iter().map(|(a, b)| ((*a).into(), (*b).into())).collect();
        assert_eq!(
            resolved,
            Resolved {
                pinned: [
                    (
                        "quay.io/a:1".to_owned(),
                        Pinned {
                            image: "quay.io/a:1@sha256:abc".into(),
                            platforms: platforms(&[("amd64", "linux"), ("", "linux")]),
                        }
                    ),
                    ("b".to_owned(), Pinned { image: "b:latest@sha256:def".into(), platforms: Vec::new() }),
                ]
                .into(),
                problems: [("private/x:1".to_owned(), "denied: not yours".to_owned())].into(),
            }
        );
        assert_eq!(fake.take().len(), 3);
    }

    #[test]
    fn all_together_take_no_longer_than_told() {
        let fake = FakeEngine::start(|asked| {
            let answer = ok(json!({"Descriptor": {"digest": "sha256:abc"}}));
            if asked.target.contains("fast") { answer } else { Answer::Slow(Duration::from_secs(5), Box::new(answer)) }
        });
        let images: BTreeSet<String> =
            (0..40).map(|index| format!("slow{index}:1")).chain(["fast:1".to_owned()]).collect();
        let start = Instant::now();
        let limit = Duration::from_millis(300);
        let resolved = run(async { resolve(&fake.connect().await, &images, &Credentials::default(), limit).await });
        assert!(start.elapsed() < Duration::from_secs(3));
        assert_eq!(resolved.pinned.keys().collect::<Vec<_>>(), ["fast:1"]);
        assert_eq!(resolved.problems.len(), 40);
        assert_eq!(resolved.problems["slow0:1"], "its registry did not answer within 0.3 s");
    }
}
