//! Nothing: cargo only fetches the dependencies.
