# Builds liboinf, the tools and the suite under $(BUILD); no file is listed by name.
# A unit is a .c file; main_*.c holds a main program (sim/main_sim.c -> oinf-sim), gen_*.c a generator.
BUILD   ?= build
CC      ?= cc
AR      ?= ar
PREFIX  ?= /usr/local
CFLAGS  ?= -O2 -g
VERSION := 0.1.0
SOVER   := 0
# The numerics depend on these, and the speed of their text: they stand apart so that a user's CFLAGS cannot lose them.
STRICT  := -fno-fast-math -ffp-contract=off -fno-trapping-math -fno-math-errno -ftree-vectorize
WARN    := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes
PACKS   := jansson yaml-0.1
DEPS    := gcc g++ clang make pkg-config libjansson-dev libyaml-dev libpcre2-dev libshaderc-dev \
           libvulkan-dev mesa-vulkan-drivers vulkan-validationlayers spirv-tools glslang-tools strace time python3
SHADERC := $(patsubst %,-l:lib%.a,shaderc_combined glslang SPIRV MachineIndependent GenericCodeGen OSDependent \
           OGLCompiler HLSL glslang-default-resource-limits SPIRV-Tools-opt SPIRV-Tools)
FLAGS    = -std=c11 -D_GNU_SOURCE -Iinclude -I. $(WARN) -fPIC -fvisibility=hidden -DOINF_VERSION='"$(VERSION)"' \
           $(shell pkg-config --cflags $(PACKS)) $(CPPFLAGS) $(CFLAGS) $(STRICT)
LINK     = $(CC) $(CFLAGS) $(LDFLAGS)
LIBS     = $(shell pkg-config --libs $(PACKS)) -lpthread -lm -ldl

sources  = $(filter-out $(addsuffix /gen_%.c,lib formats compiler) $(addsuffix /main_%.c,lib formats compiler sim convert),$(wildcard $(1)))
LIB_SRC := $(call sources,lib/*.c lib/rt/*.c lib/op/*.c formats/*.c compiler/*.c sim/*.c)
CNV_SRC := $(filter-out convert/main_%,$(wildcard convert/*.c convert/arch/*.c))
MAINS   := $(wildcard compiler/main_*.c sim/main_*.c convert/main_*.c)
TOOLS   := $(foreach m,$(MAINS),$(BUILD)/oinf-$(patsubst main_%.c,%,$(notdir $(m))))
TESTS   := $(patsubst tests/%.c,$(BUILD)/%,$(wildcard tests/test_*.c))
EXAMPLES:= $(patsubst examples/%,$(BUILD)/example_%,$(basename $(wildcard examples/*.c examples/*.cpp)))
TESTLIB := $(patsubst %.c,$(BUILD)/%.o,$(filter-out tests/test_%.c,$(wildcard tests/*.c)))
LIB_OBJ := $(LIB_SRC:%.c=$(BUILD)/%.o)
CNV_OBJ := $(CNV_SRC:%.c=$(BUILD)/%.o)

all: $(BUILD)/.deps $(BUILD)/.shaderc $(BUILD)/liboinf.a $(BUILD)/liboinf.so.$(SOVER) $(TOOLS)

# Installs what is missing, on Debian and Ubuntu with the right to; says what is needed elsewhere.
deps:
	@miss=; for p in $(DEPS); do dpkg -s $$p >/dev/null 2>&1 || miss="$$miss $$p"; done; \
	if [ -n "$$miss" ]; then \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$miss >/dev/null; \
	  else echo "please install:$$miss" >&2; exit 1; fi; fi
$(BUILD)/.deps:
	@{ pkg-config --exists $(PACKS) libpcre2-8 shaderc vulkan && command -v g++ >/dev/null; } || $(MAKE) --no-print-directory deps
	@mkdir -p $(BUILD) && touch $@
# Where the system's libshaderc.so cannot be loaded, its static parts make one that can (compiler/shaderc/bind.c).
$(BUILD)/.shaderc: compiler/shaderc/bind.c compiler/shaderc/entries.inc | $(BUILD)/.deps
	@$(CC) -std=c11 -I. -O2 -fPIC -fvisibility=hidden -shared -Wl,--no-undefined $(LDFLAGS) -o $(BUILD)/liboinf_shaderc.so $< \
	  -Wl,--start-group $(SHADERC) -Wl,--end-group -l:libstdc++.so.6 -lm -lpthread 2>/dev/null || true
	@touch $@

$(BUILD)/liboinf.a: $(LIB_OBJ)
	rm -f $@ && $(AR) rcs $@ $^
$(BUILD)/liboinf.so.$(SOVER): $(LIB_OBJ)
	$(LINK) -shared -Wl,-soname,liboinf.so.$(SOVER) -o $@ $^ $(LIBS)
	ln -sf liboinf.so.$(SOVER) $(BUILD)/liboinf.so
$(BUILD)/libconvert.a: $(CNV_OBJ)
	rm -f $@ && $(AR) rcs $@ $^
$(TOOLS): $(BUILD)/oinf-%: $(BUILD)/libconvert.a $(BUILD)/liboinf.a
$(BUILD)/oinf-%: $(BUILD)/sim/main_%.o
	$(LINK) -o $@ $^ $(LIBS)
$(BUILD)/oinf-%: $(BUILD)/convert/main_%.o
	$(LINK) -o $@ $< $(BUILD)/libconvert.a $(BUILD)/liboinf.a $(LIBS)
$(BUILD)/oinf-%: $(BUILD)/compiler/main_%.o
	$(LINK) -o $@ $< $(BUILD)/liboinf.a $(LIBS)
$(BUILD)/test_%: $(BUILD)/tests/test_%.o $(TESTLIB) $(BUILD)/libconvert.a $(BUILD)/liboinf.a
	$(LINK) -o $@ $(filter %.o,$^) $(BUILD)/libconvert.a $(BUILD)/liboinf.a $(LIBS) -lpcre2-8
$(BUILD)/example_%: examples/%.c $(BUILD)/liboinf.a
	$(CC) -std=c11 -Iinclude $(WARN) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $< $(BUILD)/liboinf.a $(LIBS)
$(BUILD)/example_%: examples/%.cpp $(BUILD)/liboinf.a
	$(if $(findstring clang,$(CC)),clang++,g++) -std=c++17 -Iinclude $(filter-out -Wstrict-prototypes,$(WARN)) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $< $(BUILD)/liboinf.a $(LIBS)
$(BUILD)/compiler/glsl.o: $(wildcard lib/rt/strict*.inc)
$(BUILD)/compiler/emit_template.o: $(wildcard lib/rt/* compiler/kernels/*)
$(BUILD)/%.o: %.c Makefile | $(BUILD)/.deps
	@mkdir -p $(@D)
	$(CC) $(FLAGS) -MMD -MP -c -o $@ $<

# The tables -> headers of enums and builders, and the reference page; `make lint` refuses a difference.
gen: | $(BUILD)/.deps
	@mkdir -p $(BUILD)/lib && $(CC) $(FLAGS) -o $(BUILD)/lib/gen_ops lib/gen_ops.c
	@for f in enums:include/oinf/enums.h header:include/oinf/ops.h page:lib/OPS.md; do \
	  $(BUILD)/lib/gen_ops $${f%%:*} >$(BUILD)/gen.tmp && cp $(BUILD)/gen.tmp $${f#*:} || exit 1; done

test: $(BUILD)/.deps
	@$(MAKE) --no-print-directory -j$$(nproc) all $(TESTS) $(EXAMPLES)
	@BUILD=$(BUILD) CC="$(CC)" tests/run.sh $(TESTS) $(EXAMPLES) $(wildcard tests/test_*.sh) examples/demo.sh
tests: all $(TESTS) $(EXAMPLES)
lint:
	@tests/lint.sh
asan: $(BUILD)/.deps
	@$(MAKE) --no-print-directory test BUILD=$(BUILD)/asan CFLAGS="-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined"
soak: tests
	@BUILD=$(BUILD) SOAK=1 tests/run.sh $(TESTS) tests/levels.sh tests/targets.sh tests/test_bundle_clean.sh
fuzz: $(BUILD)/.deps
	@BUILD=$(BUILD) FLAGS='$(FLAGS)' LIBS='$(LIBS)' SOURCES='$(LIB_SRC) $(CNV_SRC)' tests/fuzz/run.sh
bench: tests
	@BUILD=$(BUILD) tests/bench/run.sh
demo: $(BUILD)/.deps
	@$(MAKE) --no-print-directory -s -j$$(nproc) all
	@BUILD=$(BUILD) examples/demo.sh

install: all
	install -d $(addprefix $(DESTDIR)$(PREFIX)/,bin lib/pkgconfig include/oinf share/oinf/recipes)
	install -m 755 $(TOOLS) $(DESTDIR)$(PREFIX)/bin
	install -m 644 include/oinf/*.h $(DESTDIR)$(PREFIX)/include/oinf
	install -m 644 convert/recipes/*.yaml $(DESTDIR)$(PREFIX)/share/oinf/recipes
	install -m 644 $(BUILD)/liboinf.a $(DESTDIR)$(PREFIX)/lib
	install -m 755 $(BUILD)/liboinf.so.$(SOVER) $(DESTDIR)$(PREFIX)/lib
	ln -sf liboinf.so.$(SOVER) $(DESTDIR)$(PREFIX)/lib/liboinf.so
	if [ -f $(BUILD)/liboinf_shaderc.so ]; then install -m 755 $(BUILD)/liboinf_shaderc.so $(DESTDIR)$(PREFIX)/lib; fi
	printf 'prefix=$${pcfiledir}/../..\nName: oinf\nDescription: graphs of neural networks, simulated and lowered to C and GLSL\nVersion: %s\nRequires.private: %s\nLibs: -L$${prefix}/lib -loinf\nLibs.private: -lpthread -lm -ldl\nCflags: -I$${prefix}/include\n' \
	  "$(VERSION)" "$(PACKS)" >$(DESTDIR)$(PREFIX)/lib/pkgconfig/oinf.pc
uninstall:
	cd $(DESTDIR)$(PREFIX) && rm -f $(addprefix bin/,$(notdir $(TOOLS))) lib/liboinf.a lib/liboinf.so lib/liboinf.so.$(SOVER) lib/liboinf_shaderc.so lib/pkgconfig/oinf.pc
	rm -rf $(DESTDIR)$(PREFIX)/include/oinf $(DESTDIR)$(PREFIX)/share/oinf
clean:
	rm -rf $(BUILD)

.SECONDARY:
.PHONY: all deps gen test tests lint asan soak fuzz bench demo install uninstall clean
-include $(shell find $(addprefix $(BUILD)/,lib formats compiler sim convert tests) -name '*.d' 2>/dev/null)
