//! `pointsman dev`: the functions as `serve` runs them, in [`pointsman_dev`]'s world.

use std::process::ExitCode;

use pointsman_dev::{Options, Serving};
use pointsman_engine::Mode;
use pointsman_view::with_causes;

use crate::{common::Common, failed::Failed, serve};

pub(crate) async fn command(common: &Common, options: &Options) -> Result<ExitCode, Failed> {
    let serve = async |config, wrap| {
        let options = serve::Options::default();
        let serving = serve::Serving::start(&config, Mode::Live, &options, wrap).await;
        let serving = serving.map_err(|why| pointsman_dev::Failed::from(why.to_string()))?;
        Ok(Serving {
            address: serving.address,
            store: serving.parts.records.store.clone(),
            stop: Box::pin(async { serving.stop().await.map_err(|why| why.to_string().into()) }),
        })
    };
    let ran = pointsman_dev::run(options, common.json, serve).await;
    ran.map_err(|why| Failed::of_text(&with_causes(&*why)))
}
