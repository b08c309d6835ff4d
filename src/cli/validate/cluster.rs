//! `swarmgen validate --cluster`: what the live swarm lacks.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::apply::resolve::look;
use crate::diag::Diagnostics;
use crate::plan::cluster::{ClusterView, WantedView, check};
use crate::resolve::{Compiler, Server};
use crate::source::Disk;

use super::super::args::live::EngineArgs;
use super::super::error::Failure;
use super::super::live;

/// Compares what the config needs with the swarm: of each user's every allowed profile, or of every profile.
pub(super) fn compare(
    compiler: &Compiler<'_>,
    user: Option<&str>,
    engine: &EngineArgs,
    diagnostics: &mut Diagnostics,
) -> Result<(), Failure> {
    let mut ignored = Diagnostics::new();
    let (all, of_users): (Vec<Server<'_>>, bool) = match user {
        Some(name) => match compiler.user(name, &mut ignored) {
            Some(user) => (compiler.servers_of(&user), true),
            None => return Ok(()),
        },
        None if compiler.roster.is_empty() => (compiler.stand_ins(), false),
        None => {
            let users = (0..compiler.roster.len()).map(|index| compiler.roster.user(index));
            (users.flat_map(|user| compiler.servers_of(&user)).collect(), true)
        }
    };
    let (state, images) = live::block_on(async {
        let engine = live::engine(engine).await?;
        let state = live::snapshot(&engine, &compiler.settings.deployment).await?;
        let wanted = all.iter().map(|server| server.service.container.image.expose());
        let images = look(&engine, wanted, &Disk).await;
        Ok((state, images))
    })?;
    let nobody: Arc<str> = "".into();
    let view = ClusterView {
        state: &state,
        deployment: &compiler.settings.deployment,
        servers: &WantedView::of(&all, "", (!of_users).then_some(&nobody)),
        images: &images,
        // Whether what is declared can be read is for `apply`: here its declaration is enough.
        made: &compiler.declared_objects(),
        leaving: &BTreeSet::new(),
        of_users,
    };
    check(&view).into_iter().for_each(|finding| compiler.push(finding, diagnostics));
    Ok(())
}
