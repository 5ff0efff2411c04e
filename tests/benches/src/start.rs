//! From the start of `serve` to its first answer.

use crate::{azure::Azure, error::Failed, report::Figure, world::World};

/// How often it is started on a new store, and as often on one that it finds.
const STARTS: usize = 15;

pub(crate) async fn measure(azure: &Azure) -> Result<Vec<Figure>, Failed> {
    let (mut fresh, mut existing) = (Vec::with_capacity(STARTS), Vec::with_capacity(STARTS));
    for _ in 0..STARTS {
        let world = World::new(azure, "pool", 1, 3)?;
        fresh.push(first_answer(&world).await?);
        existing.push(first_answer(&world).await?);
    }
    Ok(vec![
        Figure::new("start to first answer, new store", median(fresh), "ms"),
        Figure::new("start to first answer, existing store", median(existing), "ms"),
    ])
}

/// In milliseconds.
async fn first_answer(world: &World) -> Result<f64, Failed> {
    let serving = world.serve().await?;
    world.live(&serving).await?;
    let time = serving.spawned.elapsed().as_secs_f64() * 1e3;
    serving.end().await?;
    Ok(time)
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
