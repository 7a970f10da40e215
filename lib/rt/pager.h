// The pager: brings blocks of 1 MiB of the weights into memory as a run needs them, and proves
// their checksums.
//
// Three ways, chosen when it is set up. Mapped: a pointer into the mapping, each block proved at
// its first use. Window: a contiguous range of blocks that stays in memory once read. Ring: two
// slots; what is scheduled next is read by a thread of its own while the present page is in use. A
// cyclic scan over the layers is the worst case of LRU, so nothing is evicted by age: what fits is
// the window, the rest streams.
#ifndef OI_RT_PAGER_H
#define OI_RT_PAGER_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#ifndef OI_RT
#define OI_RT
#endif
enum {
  OI_BLOCK = 1 << 20
};

// A file's (or memory's) part that holds weights. Blocks count on from source to source.
typedef struct oi_pager_source {
  int fd;                 // -1: memory alone
  const uint8_t *map;     // of the whole source, or NULL
  uint64_t offset, size;  // the part; block i of it starts at offset + i * OI_BLOCK
  const uint32_t *crc;    // CRC32C of each block, or NULL
} oi_pager_source;

typedef struct oi_page {
  uint64_t first;  // block
  uint32_t count;
} oi_page;

typedef enum oi_pager_fault {
  OI_PAGER_OK = 0,
  OI_PAGER_IO,      // read failed: errno in oi_pager_errno
  OI_PAGER_SHORT,   // the file is shorter than it was
  OI_PAGER_CORRUPT  // a checksum differs: oi_pager_block says which
} oi_pager_fault;

typedef struct oi_pager oi_pager;
OI_RT oi_pager *oi_pager_open(const oi_pager_source *sources, uint32_t n);  // NULL: out of memory
OI_RT void oi_pager_close(oi_pager *p);
OI_RT uint64_t oi_pager_blocks(const oi_pager *p);
OI_RT uint64_t oi_pager_block_bytes(const oi_pager *p, uint64_t block);  // less at a source's end
OI_RT uint64_t oi_pager_block_of(const oi_pager *p, uint32_t source,
                                 uint64_t offset);  // offset in the source
// Memory of a budgeted run: window blocks, two slots and one slot for single rows, in this order;
// the caller's. `order` is what a step streams, in order, for reading ahead; it is borrowed. A page
// of no blocks is a fence: nothing is read ahead across it until oi_pager_go says where the order
// goes on. What was in memory is forgotten unless `keep` says that memory, window and slots are
// those of before.
typedef struct oi_pager_room {
  uint8_t *memory;
  oi_page window;
  uint32_t slot, row_slot;  // blocks of a slot; 0: there is none
  const oi_page *order;
  size_t n_order;
} oi_pager_room;
OI_RT void oi_pager_set(oi_pager *p, const oi_pager_room *room, bool keep);
OI_RT void oi_pager_stop(oi_pager *p);  // reading ahead ends: the memory may be given back
OI_RT void oi_pager_go(oi_pager *p, size_t next);  // what is asked for next is order[next]
OI_RT uint64_t oi_pager_room_bytes(const oi_pager_room *room);
// The bytes of a page; the pointer is to its first block. It stays until the next page is asked for
// (window and mapped pages until the next oi_pager_set). `row` pages use the slot for single rows
// and leave the ring alone. A page is at most a slot long unless it is in the window, or mapped,
// and then of one source.
OI_RT oi_pager_fault oi_pager_get(oi_pager *p, oi_page page, bool row, const uint8_t **out);
OI_RT bool oi_pager_in_window(const oi_pager *p, uint64_t first, uint64_t last);
OI_RT bool oi_pager_mapped(const oi_pager *p, uint32_t source);
OI_RT uint64_t oi_pager_bytes_read(oi_pager *p);  // from files, since it was opened
// Of those, what went through the slots and was asked for, or was read ahead in vain.
OI_RT uint64_t oi_pager_bytes_streamed(oi_pager *p);
// What had to be read for the page that oi_pager_get gave last, and when, in nanoseconds of
// CLOCK_MONOTONIC. False: nothing, or it was told already.
typedef struct oi_pager_load {
  oi_page page;
  uint64_t bytes, begin, end;
  bool ahead;  // by the thread that reads ahead
} oi_pager_load;
OI_RT bool oi_pager_loaded(oi_pager *p, oi_pager_load *out);
// Of the fault that oi_pager_get gave last.
OI_RT uint64_t oi_pager_bad_block(const oi_pager *p);
OI_RT int oi_pager_errno(const oi_pager *p);
#endif
