// The tables that a tokenizer runs on, as they lie in a package: one block of bytes, used in place.
//
//   0   char magic[8]   "oi.token"
//   8   u32  version    1
//   12  u32  vocab      ids are 0 .. vocab
//   16  u32  unk        id of what no token spells, OI_TOK_NONE where it is dropped
//   20  u32  flags      OI_TOK_FALLBACK ...
//   24  u32  offset, u32 size of each section, in the order of OI_TOK_SECTIONS
//
// All numbers are little-endian; sections follow one another without a gap but for zeros up to a
// multiple of four. Sections are arrays of fixed records, so opening is one pass of bounds checks
// and no parsing: a damaged block may give wrong ids (the package's checksums are there for that)
// but never a wild access. Sorted arrays with binary search, not hash tables: half the size, and
// one content has one encoding.
#ifndef OI_RT_TOKEN_BLOB_H
#define OI_RT_TOKEN_BLOB_H
#include <stddef.h>
#include <stdint.h>

#define OI_TOK_MAGIC "oi.token"
enum { OI_TOK_VERSION = 1, OI_TOK_MAX_STAGES = 64, OI_TOK_MAX_AFFIX = 64 };
#define OI_TOK_NONE UINT32_MAX

enum { OI_TOK_FALLBACK = 1, OI_TOK_FUSE_UNK = 2, OI_TOK_IGNORE_MERGES = 4 };  // of the model
enum { OI_TOK_PRESENT = 1, OI_TOK_SPECIAL = 2 };                              // KIND of an id
enum { OI_TOK_SINGLE_WORD = 1, OI_TOK_LSTRIP = 2, OI_TOK_RSTRIP = 4 };        // of an added token

// S(NAME, bytes of a record)
#define OI_TOK_SECTIONS(S)                                                                        \
  S(TEXT, 1)       /* bytes that the others point into; token texts come first, by id */          \
  S(TOKEN, 4)      /* u32 end of each id's text in TEXT, not falling */                           \
  S(KIND, 1)       /* u8 bits of each id */                                                       \
  S(SORTED, 4)     /* u32 ids of the model's vocabulary by the bytes of their texts; empty where  \
                      IGNORE_MERGES, which alone asks for it, is not set */                       \
  S(CHAR, 8)       /* u32 code point, u32 id of each token of one character; by code point */     \
  S(BYTE, 4)       /* u32 id of <0x00> .. <0xFF> or OI_TOK_NONE; or empty */                      \
  S(LEFT, 4)       /* u32 end of each id's merges, where it stands left, in MERGE; not falling */ \
  S(MERGE, 12)     /* u32 right id, u32 rank, u32 id they become; by right id within a left */    \
  S(RAW, 16)       /* oi_tok_added found in the text as typed, by their bytes */                  \
  S(NORMAL, 16)    /* oi_tok_added found in normalized text, by their bytes */                    \
  S(NORMALIZE, 28) /* oi_tok_stage, in order */                                                   \
  S(SPLIT, 28)     /* oi_tok_stage, in order */                                                   \
  S(DECODE, 28)    /* oi_tok_stage, in order */                                                   \
  S(PREFIX, 4)     /* u32 ids that the template puts in front */                                  \
  S(SUFFIX, 4)     /* u32 ids that it puts behind */

enum {
#define S(NAME, size) OI_TOK_##NAME,
  OI_TOK_SECTIONS(S)
#undef S
  OI_TOK_N_SECTIONS
};
enum { OI_TOK_HEADER = 24 + 8 * OI_TOK_N_SECTIONS };

typedef struct oi_tok_added {
  uint32_t at, n;  // span of TEXT
  uint32_t id, flags;
} oi_tok_added;

// One step of a pipeline: what it does, with up to two strings in TEXT.
typedef struct oi_tok_stage {
  uint32_t kind;
  uint32_t scan;  // oi_scan; LITERAL looks for string a
  uint32_t flags;
  uint32_t a_at, a_n, b_at, b_n;
} oi_tok_stage;

enum {                   // NORMALIZE
  OI_TOK_NORM_PREPEND,   // a in front, unless there is nothing
  OI_TOK_NORM_REPLACE,   // each match by b
  OI_TOK_NORM_FORM,      // flags: oi_normal_form
  OI_TOK_NORM_LOWER,     //
  OI_TOK_NORM_STRIP,     // flags: 1 left, 2 right; white space
  OI_TOK_NORM_NO_MARKS,  // drops M*
  OI_TOK_NORM_BYTES,     // each byte by its printable character
  OI_TOK_N_NORMS
};
enum {                 // SPLIT
  OI_TOK_PRE_SPLIT,    // flags: oi_tok_behavior, + OI_TOK_INVERT
  OI_TOK_PRE_BLANK,    // a space in front of a piece that has none
  OI_TOK_PRE_META,     // spaces become a; flags: 0 never in front, 1 the first piece, 2 each piece
  OI_TOK_PRE_BYTES,    // each byte by its printable character
  OI_TOK_N_PRES
};
enum {
  OI_TOK_ISOLATED,
  OI_TOK_REMOVED,
  OI_TOK_TO_PREVIOUS,
  OI_TOK_TO_NEXT,
  OI_TOK_CONTIGUOUS,
  OI_TOK_N_BEHAVIORS
};
enum { OI_TOK_INVERT = 8 };  // matches and what lies between them change places
enum {                   // DECODE
  OI_TOK_DEC_JOIN,       // a between tokens
  OI_TOK_DEC_REPLACE,    // each match by b, within a token
  OI_TOK_DEC_FALLBACK,   // <0xHH> is a byte
  OI_TOK_DEC_FUSE,       // what follows sees one text, not tokens
  OI_TOK_DEC_STRIP,      // at most `flags` times character a in front
  OI_TOK_DEC_META,       // a becomes a space; flags 1: it is dropped in the first token
  OI_TOK_DEC_BYTES,      // printable characters become bytes again
  OI_TOK_N_DECS
};

// Byte-level models spell a byte as one printable character: itself where Latin-1 prints it, else
// U+0100 and up.
static inline uint32_t oi_tok_byte_char(uint32_t byte) {
  if (byte < 33) return 256 + byte;
  if (byte >= 127 && byte <= 160) return 256 + 33 + byte - 127;
  return byte == 173 ? 256 + 67 : byte;
}
static inline uint32_t oi_tok_char_byte(uint32_t cp) {  // OI_TOK_NONE: stands for no byte
  if (cp < 256) return cp < 33 || (cp >= 127 && cp <= 160) || cp == 173 ? OI_TOK_NONE : cp;
  cp -= 256;
  return cp < 33 ? cp : cp < 67 ? cp - 33 + 127 : cp == 67 ? 173 : OI_TOK_NONE;
}
#endif
