// The tokenizer: text to ids and back, over tables that lie in a package and are used in place.
//
//   oi_tokenizer *tok = oi_tokenizer_open(blob, size);
//   int64_t n = oi_tokenizer_encode(tok, text, size, true, ids, room);  // n > room: grow, again
//   oi_decoder *dec = oi_decoder_open(tok);
//   oi_decoder_prompt(dec, ids, n);
//   while (...) { oi_decoder_push(dec, id, &bytes, &count); fwrite(bytes, 1, count, stdout); }
//   oi_decoder_flush(dec, &bytes, &count);
//
// A tokenizer is read-only once it is open and may serve several threads; a decoder belongs to one.
// One part of the runtime that bundles carry: C11 and libc, nothing of oinf.
#ifndef OI_RT_TOKEN_H
#define OI_RT_TOKEN_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#ifndef OI_RT
#define OI_RT
#endif

typedef struct oi_tokenizer oi_tokenizer;
// Over tables made by oi_tokenizer_compile, which must outlive it. NULL: malformed or out of
// memory.
OI_RT oi_tokenizer *oi_tokenizer_open(const void *blob, size_t size);
OI_RT void oi_tokenizer_close(oi_tokenizer *tok);
// Ids are below it; not each of them need be a token.
OI_RT uint32_t oi_tokenizer_vocab(const oi_tokenizer *tok);
// The id that the template puts first, -1: none.
OI_RT int64_t oi_tokenizer_bos(const oi_tokenizer *tok);
// Text of an id as tokenizer.json has it, not closed by a NUL; NULL: no such token.
OI_RT const char *oi_tokenizer_text(const oi_tokenizer *tok, uint32_t id, size_t *out_n);
// Special tokens are no part of an answer's text.
OI_RT bool oi_tokenizer_is_special(const oi_tokenizer *tok, uint32_t id);

// Ids of a text; special: with those that the template adds. Gives how many there are, of which the
// first `room` are written: where the result is above room, grow and ask again (room for size + 16
// is nearly always enough). Bytes that are no UTF-8 count as U+FFFD. Below zero:
// OI_TOKENIZER_MEMORY, or OI_TOKENIZER_SIZE for a text above 1 GiB or one that the normalizer blows
// up beyond 64 times its size.
enum {
  OI_TOKENIZER_MEMORY = -1,
  OI_TOKENIZER_SIZE = -2
};
OI_RT int64_t oi_tokenizer_encode(const oi_tokenizer *tok, const char *text, size_t size,
                                  bool special, uint32_t *out, size_t room);

// Decoding a stream. What comes out, put together, is what decoding all ids at once gives: valid
// UTF-8 with U+FFFD for what is none. Special tokens and ids that are no token are passed over.
typedef struct oi_decoder oi_decoder;
OI_RT oi_decoder *oi_decoder_open(const oi_tokenizer *tok);  // NULL: out of memory
OI_RT void oi_decoder_close(oi_decoder *dec);
OI_RT void oi_decoder_show_special(oi_decoder *dec, bool show);
// Ids whose text is known already: what follows is the text that the later ids add to it.
OI_RT bool oi_decoder_prompt(oi_decoder *dec, const uint32_t *ids, size_t n);
// Gives the bytes that are certain now (whole characters), borrowed until the next call. They lag
// behind by an unfinished character, or by a run of <0xHH> tokens, whose bytes are text only if the
// whole run is. false: out of memory.
OI_RT bool oi_decoder_push(oi_decoder *dec, uint32_t id, const char **out_bytes, size_t *out_n);
// Gives what is still held back; the decoder then stands at the beginning again.
OI_RT bool oi_decoder_flush(oi_decoder *dec, const char **out_bytes, size_t *out_n);
#endif
