use super::*;
use crate::sites::site;

#[test]
fn a_panic_becomes_an_entry_and_the_failure_value() {
    let site = site!(c"BIO_test", 0);
    let failed = run::<crate::Standalone, _>(site, -7, || -> Result<i32, Failure> {
        std::panic::resume_unwind(Box::new("on purpose"))
    });
    assert_eq!((failed, crate::ERR_get_error(), crate::ERR_get_error()), (-7, 0x100C_0103, 0));
}
