//! The C functions of BIO_connect(3) over `biosock`.
