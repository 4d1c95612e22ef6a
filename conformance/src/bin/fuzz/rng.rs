//! Numbers that depend on nothing but the seed.

/// SplitMix64: small, and good enough to choose test inputs.
pub(crate) struct Rng(u64);

impl Rng {
    /// A sequence of its own for each part, so that parts can be run alone.
    pub(crate) fn new(seed: u64, part: &str) -> Self {
        let name = part.bytes().fold(0_u64, |sum, byte| sum.wrapping_mul(257).wrapping_add(byte.into()));
        Self(seed ^ name.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`, which is not 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap_or(0)
    }

    /// True once in `times`.
    pub(crate) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }

    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    /// Appends `most` letters at most, from an alphabet.
    pub(crate) fn letters(&mut self, alphabet: &[u8], most: usize, to: &mut Vec<u8>) {
        for _ in 0..self.below(most + 1) {
            to.push(*self.pick(alphabet));
        }
    }

    /// Changes a few bytes of `text`: one put in, taken out, replaced, or a piece repeated.
    pub(crate) fn mutate(&mut self, alphabet: &[u8], text: &mut Vec<u8>) {
        for _ in 0..=self.below(3) {
            let at = self.below(text.len() + 1);
            match self.below(5) {
                0 => text.insert(at, *self.pick(alphabet)),
                1 if at < text.len() => drop(text.remove(at)),
                2 if at < text.len() => text[at] = *self.pick(alphabet),
                3 if at < text.len() => text[at] = self.byte(),
                _ => {
                    let piece = text[at..text.len().min(at + 4)].to_vec();
                    text.extend(piece);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Rng;

    #[test]
    fn a_seed_gives_the_same_numbers_and_another_seed_others() {
        let first = |seed| (0..4).scan(Rng::new(seed, "x"), |rng, _| Some(rng.next())).collect::<Vec<_>>();
        assert_eq!(first(1), first(1));
        assert_ne!(first(1), first(2));
    }
}
