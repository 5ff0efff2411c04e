//! What the scenarios share: an emulated Azure in the test's own process, and a real `pointsman`
//! beside it, spoken to over HTTP and the command line only.

pub mod alerts;
pub mod door;
pub mod evidence;
pub mod forms;
pub mod operator;
pub mod sender;
pub mod wire;
pub mod world;

pub use forms::Forms;
pub use world::World;
