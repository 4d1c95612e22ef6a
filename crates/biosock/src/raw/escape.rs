//! Characters that messages escape.

/// Whether messages escape a character: control characters, and those that are
/// invisible, end lines or change the writing direction, so that external text can
/// neither control a terminal nor be mistaken for other text. These are Unicode's
/// categories Cc, Cf, Zl and Zp, and the whole plane of tags.
///
/// ```
/// use biosock::needs_escape;
///
/// assert!(['\x1b', '\u{ad}', '\u{202e}', '\u{feff}', '\u{e0041}'].into_iter().all(needs_escape));
/// assert!(!"größe – 例え".contains(needs_escape));
/// ```
#[must_use]
pub fn needs_escape(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{600}'..='\u{605}'
                | '\u{61c}'
                | '\u{6dd}'
                | '\u{70f}'
                | '\u{890}'..='\u{891}'
                | '\u{8e2}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{110bd}'
                | '\u{110cd}'
                | '\u{13430}'..='\u{1343f}'
                | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e007f}'
        )
}
