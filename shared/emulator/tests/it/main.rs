//! The emulator through real HTTP, with clients that share no code with it.

#![expect(clippy::unwrap_used, reason = "helpers of tests, where a panic is the way to fail")]

mod admin;
mod azure_sdk;
mod breakers;
mod client;
mod docs;
mod events;
mod examples;
mod faults;
mod gateway;
mod gateways;
mod identity;
mod life;
mod operations;
mod property;
mod service_bus;
mod services;
mod state;
mod versions;
mod webhook;
