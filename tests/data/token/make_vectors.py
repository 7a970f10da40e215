#!/usr/bin/env python3
"""Writes vectors.json: small tokenizers of every kind that oinf compiles, and what the `tokenizers`
library (the version stands in the file) makes of some texts with them.

Two models are trained here, one over bytes and one over characters with byte fallback; each case
puts another pipeline around one of them. Texts keep to characters that Unicode 14 assigns, as newer
tables know more. `make_vectors.py --soak N` compares nothing and writes nothing; it prints one JSON
line a case with N random texts, for a one-off run."""
import json
import os
import random
import sys
import unicodedata

import tokenizers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

HERE = os.path.dirname(os.path.abspath(__file__))
POOL = ['a', 'b', 'the', 'The', 'hello', ' world', ' ', '  ', '   ', '\n', '\r\n', '\t', "'s", "'S", "'ll", "'RE", "'",
        '1', '12', '345', '6789', '²', '½', 'é', 'É', 'e\u0301', 'ñ', 'ß', '中文', '日本語', '한국', '가', '🙂', '👍🏽',
        '\u200d', '\u200b', '\u00a0', '\u2003', '\u3000', '▁', '▁▁', '.', '!!', '?', '...', '/', '//', '_', '-', '<s>',
        '</s>', '<mask>', '[X]', '<0x41>', '<0x', 'ſ', "'ſ", 'İ', 'Ω', 'ά', '\u0300\u0301', 'ः', '\x1f', '\x7f', '\x85',
        '\u2028', 'ǅ', 'ʰ', 'ª', 'Ⅷ', '①', '،', '。', '€', '$', '∑', 'def f(x):\n\treturn x', "don't", "WON'T",
        'http://a.b/c?d=e', 'ﬁ', 'ﷺ', 'Å', '①②', 'Ⓐ', '‿', '<|im_start|>', 'カナ', 'ABCdef', 'HTMLParser', '\u0345']
FIXED = ["", " ", "Hello world", "  two  spaces ", "I'll go, they're  here!!  ok\n\n  x", "12345 6789", "'S 'Ll 'RE 'ſ",
         "\r\n\r\n a", "tab\tsep", "don't can't WON'T", " \n \n b", "a<s>b </s> c", "<mask>  word <mask>", "x[X] [X]y [X] z",
         "Café 中文 日本語カナ 한국어", "e\u0301 Å ﬁ ﷺ ½", "🙂👍🏽 \u200d", "def f(x):\n\treturn x//2\n", "①②Ⅷ ²½", "▁a ▁▁b",
         "ABCdef HTMLParser's iPhone", "\u0300\u0301 \u0345x", "!foo .bar /baz", "a.b/c?d=e\n//\n/"]


def assigned(text):
    return all(unicodedata.category(c) not in ('Cn', 'Cs') and c != '\u180e' for c in text)


def random_text(r):
    def one():
        if r.random() < .93:
            return r.choice(POOL)
        return chr(r.choice([r.randrange(32, 0x250), r.randrange(0x250, 0xD800), r.randrange(0xE000, 0x11000),
                             r.randrange(0x1f300, 0x1f700)]))
    while True:
        text = ''.join(one() for _ in range(r.randrange(1, 16)))
        if assigned(text):
            return text


def train(r):
    words = [random_text(r) for _ in range(3000)] + FIXED * 20
    bl = Tokenizer(models.BPE())
    bl.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bl.train_from_iterator(words, trainers.BpeTrainer(vocab_size=430, show_progress=False,
                                                      initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    sp = Tokenizer(models.BPE(byte_fallback=True))
    sp.pre_tokenizer = pre_tokenizers.Metaspace()
    sp.train_from_iterator(words, trainers.BpeTrainer(vocab_size=560, show_progress=False, limit_alphabet=60, special_tokens=[
        '<unk>', '<s>', '</s>'] + ['<0x%02X>' % i for i in range(256)]))
    out = {}
    for name, t in (('bytes', bl), ('chars', sp)):
        m = json.loads(t.to_str())['model']
        out[name] = {'vocab': m['vocab'], 'merges': m['merges']}
    return out


GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|"
          r"\s+(?!\S)|\s+")
QWEN2 = LLAMA3.replace('{1,3}', '')
QWEN35 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|"
          r"\s*[\r\n]+|\s+(?!\S)|\s+")
BIG, SMALL = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
LEAD, TAIL = r"[^\r\n\p{L}\p{N}]?", r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
END = r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
O200K = LEAD + BIG + '*' + SMALL + '+' + TAIL + '|' + LEAD + BIG + '+' + SMALL + '*' + TAIL + r'|\p{N}{1,3}' + END
TEKKEN = LEAD + BIG + '*' + SMALL + '+|' + LEAD + BIG + '+' + SMALL + r'*|\p{N}' + END
DEEPSEEK = (r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+|"""
            r""" ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+""")


def seq(*items):
    return {'type': 'Sequence', 'pretokenizers': list(items)}


def split(regex, behavior='Isolated', invert=False, kind='Regex'):
    return {'type': 'Split', 'pattern': {kind: regex}, 'behavior': behavior, 'invert': invert}


def byte_level(blank=False, regex=False):
    return {'type': 'ByteLevel', 'add_prefix_space': blank, 'trim_offsets': True, 'use_regex': regex}


def added(content, token_id, **flags):
    return dict({'id': token_id, 'content': content, 'single_word': False, 'lstrip': False, 'rstrip': False,
                 'normalized': False, 'special': True}, **flags)


def template(bos, ids):
    return {'type': 'TemplateProcessing',
            'single': [{'SpecialToken': {'id': bos, 'type_id': 0}}, {'Sequence': {'id': 'A', 'type_id': 0}}],
            'pair': [{'Sequence': {'id': 'A', 'type_id': 0}}, {'Sequence': {'id': 'B', 'type_id': 1}}],
            'special_tokens': {bos: {'id': bos, 'ids': ids, 'tokens': [bos] * len(ids)}}}


def norms(*items):
    return {'type': 'Sequence', 'normalizers': list(items)}


def spm_decoder(*more):
    return {'type': 'Sequence', 'decoders': [{'type': 'Replace', 'pattern': {'String': '▁'}, 'content': ' '},
                                             {'type': 'ByteFallback'}, {'type': 'Fuse'}] + list(more)}


STRIP = {'type': 'Strip', 'content': ' ', 'start': 1, 'stop': 0}
PREPEND = {'type': 'Prepend', 'prepend': '▁'}
UNDER = {'type': 'Replace', 'pattern': {'String': ' '}, 'content': '▁'}


def cases(n_bytes):
    bl, mask = byte_level(regex=True), n_bytes
    some = [added('<s>', mask), added('<mask>', mask + 1, lstrip=True), added('[X]', mask + 2, single_word=True, special=False),
            added('</s>', mask + 3, rstrip=True), added('<|im_start|>', mask + 4), added('//', mask + 5, special=False,
                                                                                        normalized=True)]
    spm = [added('<unk>', 0), added('<s>', 1), added('</s>', 2)]

    def meta(scheme, cut):
        return {'type': 'Metaspace', 'replacement': '▁', 'prepend_scheme': scheme, 'split': cut}

    def b(name, pre, **more):
        return dict({'name': name, 'model': 'bytes', 'pre_tokenizer': pre, 'decoder': byte_level(True, True)}, **more)

    def c(name, **more):
        return dict({'name': name, 'model': 'chars', 'byte_fallback': True, 'fuse_unk': True, 'unk_token': '<unk>',
                     'added_tokens': spm, 'decoder': spm_decoder(STRIP)}, **more)
    yield b('gpt2', bl, post_processor={'type': 'ByteLevel', 'add_prefix_space': True, 'trim_offsets': False})
    yield b('gpt2 with a blank', byte_level(True, True), added_tokens=some)
    yield b('roberta', bl, added_tokens=some, post_processor={
        'type': 'RobertaProcessing', 'sep': ['</s>', mask + 3], 'cls': ['<s>', mask], 'trim_offsets': True,
        'add_prefix_space': False})
    yield b('llama 3', seq(split(LLAMA3), byte_level()), ignore_merges=True, added_tokens=some, post_processor={
        'type': 'Sequence', 'processors': [byte_level(True, True), template('<s>', [mask])]})
    yield b('qwen 2', seq(split(QWEN2), byte_level()), normalizer={'type': 'NFC'}, added_tokens=some)
    yield b('qwen 3.5', seq(split(QWEN35), byte_level()), normalizer={'type': 'NFC'})
    yield b('o200k', seq(split(O200K, 'Removed', True), byte_level()))
    yield b('tekken', seq(split(TEKKEN), byte_level()))
    yield b('digits', seq({'type': 'Digits', 'individual_digits': True}, bl))
    yield b('falcon', seq({'type': 'Punctuation', 'behavior': 'Contiguous'}, bl, {'type': 'Digits', 'individual_digits': False},
                          split('[0-9][0-9][0-9]')))
    yield b('deepseek 3', seq(split(r'\p{N}{1,3}'), split('[一-龥\u3040-ゟ゠-ヿ]+'), split(DEEPSEEK), byte_level()))
    yield b('deepseek coder', seq(split('[\r\n]'.replace('\r', '\\r').replace('\n', '\\n')), split(r'\s?\p{L}+'),
                                  split(r'\s?\p{P}+'), split('[一-龥ࠀ-一가-퟿]+'),
                                  {'type': 'Digits', 'individual_digits': True}, byte_level()))
    yield b('lower, whitespace', seq({'type': 'Whitespace'}, byte_level()),
            normalizer=norms({'type': 'NFKC'}, {'type': 'Lowercase'}))
    yield b('nfd, no accents, bert', seq({'type': 'BertPreTokenizer'}, byte_level()), added_tokens=some,
            normalizer=norms({'type': 'NFD'}, {'type': 'StripAccents'}, {'type': 'Strip', 'strip_left': True, 'strip_right': True}))
    yield b('nfkd, spaces', seq({'type': 'WhitespaceSplit'}, byte_level(True)), normalizer=norms({'type': 'NFKD'}))
    yield b('regex replaced', byte_level(), normalizer=norms(
        {'type': 'Replace', 'pattern': {'Regex': r'\s+'}, 'content': ' '},
        {'type': 'Strip', 'strip_left': False, 'strip_right': True}), added_tokens=[added('the', 3, normalized=True, lstrip=True)])
    for behavior in ('Removed', 'MergedWithPrevious', 'MergedWithNext', 'Contiguous'):
        yield b('split ' + behavior, seq(split(' ', behavior, kind='String'), split(r'\p{N}', behavior), byte_level()))
        yield b('split inverted ' + behavior, seq(split(r'\s+', behavior, True), byte_level()))
    yield b('delimiter', seq({'type': 'CharDelimiterSplit', 'delimiter': 'l'}, byte_level()))
    yield b('byte normalizer', split(r'\p{N}+'), normalizer={'type': 'ByteLevel'})
    yield c('llama 2', normalizer=norms(PREPEND, UNDER), post_processor=template('<s>', [1]))
    yield c('llama 2, normalized added', normalizer=norms(PREPEND, UNDER), added_tokens=[
        added('<unk>', 0, normalized=True), added('<s>', 1, normalized=True), added('</s>', 2, normalized=True)],
            post_processor=template('<s>', [1, 1]))
    yield c('gemma', normalizer=UNDER, pre_tokenizer=split(' ', 'MergedWithPrevious', kind='String'), decoder=spm_decoder())
    for scheme in ('always', 'first', 'never'):
        yield c('metaspace ' + scheme, pre_tokenizer=meta(scheme, False), decoder=meta(scheme, True))
        yield c('metaspace cut ' + scheme, pre_tokenizer=meta(scheme, True), decoder={
            'type': 'Sequence', 'decoders': [{'type': 'ByteFallback'}, meta(scheme, True)]}, post_processor={
            'type': 'BertProcessing', 'sep': ['</s>', 2], 'cls': ['<s>', 1]})
    yield c('no fallback, fused', byte_fallback=False, normalizer=UNDER)
    yield c('no fallback, not fused', byte_fallback=False, fuse_unk=False, normalizer=UNDER)
    yield c('no unk, no decoder', byte_fallback=False, unk_token=None, normalizer=UNDER, decoder=None)
    yield c('strip before', normalizer=UNDER, decoder={'type': 'Sequence', 'decoders': [
        {'type': 'Replace', 'pattern': {'String': '▁'}, 'content': ' '}, STRIP, {'type': 'ByteFallback'}]})


def build(case, base):
    model = {'type': 'BPE', 'dropout': None, 'unk_token': case.get('unk_token'), 'continuing_subword_prefix': None,
             'end_of_word_suffix': None, 'fuse_unk': case.get('fuse_unk', False),
             'byte_fallback': case.get('byte_fallback', False), 'ignore_merges': case.get('ignore_merges', False)}
    model.update(base[case['model']])
    return {'version': '1.0', 'truncation': None, 'padding': None, 'added_tokens': case.get('added_tokens', []),
            'normalizer': case.get('normalizer'), 'pre_tokenizer': case.get('pre_tokenizer'),
            'post_processor': case.get('post_processor'), 'decoder': case.get('decoder'), 'model': model}


def id_lists(r, base, n):
    size, runs = len(base['vocab']), [v for k, v in sorted(base['vocab'].items()) if k.startswith('<0x')]
    for i in range(n):
        if runs and i % 2:
            common = [runs[0xE2], runs[0x82], runs[0xAC], runs[0x41], runs[0xF0], runs[0x9F]]
            yield [r.choice(r.choice([runs, common, common, [r.randrange(size)]])) for _ in range(r.randrange(1, 9))]
        else:
            yield [r.randrange(size + 3) for _ in range(r.randrange(1, 9))]


def answer(case, base, texts, lists):
    t = Tokenizer.from_str(json.dumps(build(case, base)))
    ids = [t.encode(x).ids for x in texts]
    plain = [t.encode(x, add_special_tokens=False).ids for x in texts]
    shown = [t.decode(x, skip_special_tokens=False) for x in lists]
    return {'ids': ids, 'plain': plain if plain != ids else None, 'decoded': shown}


def main():
    r = random.Random(20240)
    base = train(r)
    if len(sys.argv) > 2:
        r = random.Random(int(sys.argv[2]))
        texts = [random_text(r) for _ in range(int(sys.argv[2]))]
    else:
        texts = FIXED + [random_text(r) for _ in range(16)]
    lists = {k: list(id_lists(r, base[k], len(texts))) for k in sorted(base)}
    out = {'tokenizers': tokenizers.__version__, 'models': base, 'texts': texts, 'lists': lists, 'cases': []}
    for case in cases(len(base['bytes']['vocab'])):
        got = answer(case, base, texts, lists[case['model']])
        out['cases'].append(dict(case, **{k: v for k, v in got.items() if v is not None}))
    if len(sys.argv) > 2:
        json.dump(out, sys.stdout)
        return
    with open(os.path.join(HERE, 'vectors.json'), 'w') as f:
        f.write('{\n' + ',\n'.join('%s: %s' % (json.dumps(k), json.dumps(out[k], separators=(',', ':')) if k != 'cases' else
                '[\n' + ',\n'.join(json.dumps(c, separators=(',', ':')) for c in out[k]) + '\n]') for k in out) + '\n}\n')


main()
