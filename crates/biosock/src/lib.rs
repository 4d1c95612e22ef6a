//! Socket set-up, safely.
