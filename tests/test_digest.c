// SHA-256 and CRC32C against published vectors, and every way of computing them against each other.
#include "lib/rt/crc32c.h"
#include "lib/rt/sha256.h"
#include "tests/test.h"

static const char *hex(const uint8_t d[32]) {
  static char text[65];
  for (int i = 0; i < 32; i++) snprintf(text + 2 * i, 3, "%02x", d[i]);
  return text;
}

static const char *sha_of(const void *data, size_t n, size_t piece, int level) {
  oi_sha256 s;
  uint8_t d[32];
  oi_sha256_init(&s, level);
  for (size_t at = 0; at < n; at += piece)
    oi_sha256_add(&s, (const char *)data + at, n - at < piece ? n - at : piece);
  oi_sha256_end(&s, d);
  return hex(d);
}

// FIPS 180-4 examples and the NIST short-message vectors.
static const struct {
  const char *text, *want;
} sha_vectors[] = {
    {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqr"
     "lmnopqrsmnopqrstnopqrstu",
     "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
};

TEST(digest, sha256_gives_the_published_values) {
  for (int level = OI_SHA256_PLAIN; level <= oi_sha256_best(); level++)
    for (size_t i = 0; i < sizeof sha_vectors / sizeof *sha_vectors; i++)
      CHECK_STR(sha_of(sha_vectors[i].text, strlen(sha_vectors[i].text), 1000, level),
                sha_vectors[i].want);
}

TEST(digest, sha256_of_a_million_letters) {
  char *a = malloc(1000000);
  CHECK(a);
  memset(a, 'a', 1000000);
  for (int level = OI_SHA256_PLAIN; level <= oi_sha256_best(); level++)
    CHECK_STR(sha_of(a, 1000000, 4099, level),
              "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  free(a);
}

TEST(digest, sha256_does_not_depend_on_pieces_or_level) {
  uint8_t data[300];
  char whole[65];
  for (size_t i = 0; i < sizeof data; i++) data[i] = (uint8_t)(i * 167 + 13);
  for (size_t n = 0; n <= sizeof data; n++) {
    snprintf(whole, sizeof whole, "%s", sha_of(data, n, sizeof data, OI_SHA256_PLAIN));
    for (int level = OI_SHA256_PLAIN; level <= oi_sha256_best(); level++)
      for (size_t piece = 1; piece < 140; piece += 23)
        CHECK_STR(sha_of(data, n, piece, level), whole);
  }
}

// RFC 3720, appendix B.4, and the check value of the catalogue of CRCs.
TEST(digest, crc32c_gives_the_published_values) {
  uint8_t b[32];
  static const uint8_t read10[48] = {
      0x01, 0xc0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x14, 0, 0, 0, 0, 0, 0x04, 0,
      0, 0, 0, 0x14, 0, 0, 0, 0x18, 0x28, 0, 0, 0, 0, 0, 0, 0, 0x02, 0, 0, 0, 0, 0, 0, 0};
  CHECK_INT(oi_crc32c(0, "123456789", 9), 0xe3069283);
  CHECK_INT(oi_crc32c_plain(0, "123456789", 9), 0xe3069283);
  memset(b, 0, sizeof b);
  CHECK_INT(oi_crc32c(0, b, 32), 0x8a9136aa);
  memset(b, 0xff, sizeof b);
  CHECK_INT(oi_crc32c(0, b, 32), 0x62a8ab43);
  for (int i = 0; i < 32; i++) b[i] = (uint8_t)i;
  CHECK_INT(oi_crc32c(0, b, 32), 0x46dd794e);
  for (int i = 0; i < 32; i++) b[i] = (uint8_t)(31 - i);
  CHECK_INT(oi_crc32c(0, b, 32), 0x113fdb5c);
  CHECK_INT(oi_crc32c(0, read10, 48), 0xd9963a56);
  CHECK_INT(oi_crc32c_plain(0, read10, 48), 0xd9963a56);
}

TEST(digest, crc32c_is_the_same_from_tables_and_from_the_processor) {
  enum { N = 80000 };
  uint8_t *data = malloc(N);
  CHECK(data);
  uint32_t x = 1;
  for (size_t i = 0; i < N; i++) x = x * 1664525u + 1013904223u, data[i] = (uint8_t)(x >> 24);
  for (size_t n = 0; n < N; n += n < 64 ? 1 : 4099)
    for (size_t at = 0; at < 9; at += 4)
      CHECK_INT(oi_crc32c(7, data + at, n > at ? n - at : 0),
                oi_crc32c_plain(7, data + at, n > at ? n - at : 0));
  CHECK_INT(oi_crc32c(oi_crc32c(0, data, 33333), data + 33333, N - 33333), oi_crc32c(0, data, N));
  free(data);
}
