/* The stand-in for LibreSSL: see err.c. */
#ifndef STAND_IN_OPENSSLV_H
#define STAND_IN_OPENSSLV_H
#define LIBRESSL_VERSION_NUMBER 0x4030100fL
#define OPENSSL_VERSION_NUMBER 0x20000000L
#define OPENSSL_VERSION_TEXT "stand-in for LibreSSL 4.3.1"
#endif
