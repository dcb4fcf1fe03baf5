package manifest

import (
	"bytes"
	"errors"
	"sort"
	"strings"
	"unicode/utf8"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// lines relates the parser's positions, a line and a column in characters, to
// offsets in bytes. The parser ends a line at LF, CR LF, CR, NEL, LS and PS, as
// YAML 1.1 does (https://yaml.org/spec/1.1/#id871136).
type lines struct {
	text   []byte
	starts []int32 // where each line starts
	// runes[i] is the number of characters before byte i*runeStep; nil when the
	// text is ASCII. It keeps a look-up in a line of 5 MB short.
	runes []int32
}

const runeStep = 512

func newLines(text []byte) *lines {
	l := &lines{text: text, starts: make([]int32, 1, 1+bytes.Count(text, []byte("\n")))}
	l.countRunes()
	if l.runes == nil && bytes.IndexByte(text, '\r') < 0 {
		l.eachFeed()
	} else {
		l.eachBreak()
	}
	return l
}

// eachFeed is eachBreak for a text in which nothing but LF ends a line.
func (l *lines) eachFeed() {
	for at := 0; ; {
		n := bytes.IndexByte(l.text[at:], '\n')
		if n < 0 {
			return
		}
		at += n + 1
		l.starts = append(l.starts, int32(at))
	}
}

// eachBreak notes the start of every line but the first.
func (l *lines) eachBreak() {
	for i := 0; i < len(l.text); i++ {
		if c := l.text[i]; '\r' < c && c < 0xC2 {
			continue // no break begins with it
		}
		if n := breakLength(l.text, i); n > 0 {
			i += n - 1
			l.starts = append(l.starts, int32(i+1))
		}
	}
}

func (l *lines) countRunes() {
	if utf8.RuneCount(l.text) == len(l.text) {
		return
	}
	l.runes = make([]int32, 0, len(l.text)/runeStep+1)
	var count int32
	for i, c := range l.text {
		if i%runeStep == 0 {
			l.runes = append(l.runes, count)
		}
		if utf8.RuneStart(c) {
			count++
		}
	}
}

// breakLength returns how many bytes the line break at i has, 0 if there is none.
func breakLength(text []byte, i int) int {
	switch text[i] {
	case '\n':
		return 1
	case '\r':
		if i+1 < len(text) && text[i+1] == '\n' {
			return 2
		}
		return 1
	case 0xC2: // NEL
		if i+1 < len(text) && text[i+1] == 0x85 {
			return 2
		}
	case 0xE2: // LS, PS
		if i+2 < len(text) && text[i+1] == 0x80 && (text[i+2] == 0xA8 || text[i+2] == 0xA9) {
			return 3
		}
	}
	return 0
}

// offset returns the byte at a line and column, both from 1. It reports false when
// the text has no such place.
func (l *lines) offset(line, column int) (int, bool) {
	if line < 1 || line > len(l.starts) || column < 1 {
		return 0, false
	}
	start := int(l.starts[line-1])
	if l.runes == nil {
		off := start + column - 1
		return off, off <= len(l.text)
	}
	return l.runeOffset(l.runesBefore(start) + column - 1)
}

// runesBefore counts the characters before the byte at off.
func (l *lines) runesBefore(off int) int {
	i := off / runeStep
	if i >= len(l.runes) {
		i = len(l.runes) - 1
	}
	count := int(l.runes[i])
	for _, c := range l.text[i*runeStep : off] {
		if utf8.RuneStart(c) {
			count++
		}
	}
	return count
}

// runeOffset returns the byte at which the n-th character, from 0, starts.
func (l *lines) runeOffset(n int) (int, bool) {
	i := sort.Search(len(l.runes), func(i int) bool { return int(l.runes[i]) > n }) - 1
	count := int(l.runes[i])
	for off := i * runeStep; off < len(l.text); off++ {
		if !utf8.RuneStart(l.text[off]) {
			continue
		}
		if count == n {
			return off, true
		}
		count++
	}
	return len(l.text), count == n
}

// position is the inverse of offset.
func (l *lines) position(off int) (line, column int) {
	line = sort.Search(len(l.starts), func(i int) bool { return int(l.starts[i]) > off })
	start := int(l.starts[line-1])
	if l.runes == nil {
		return line, off - start + 1
	}
	return line, l.runesBefore(off) - l.runesBefore(start) + 1
}

// end returns where the line of the byte at off ends, before its break.
func (l *lines) end(off int) int {
	line, _ := l.position(off)
	if line == len(l.starts) {
		return len(l.text)
	}
	next := int(l.starts[line])
	for _, br := range []string{"\r\n", "\u0085", "\u2028", "\u2029"} {
		if bytes.HasSuffix(l.text[:next], []byte(br)) {
			return next - len(br)
		}
	}
	return next - 1
}

// line returns the i-th line, from 0, without its break.
func (l *lines) line(i int) []byte {
	start := int(l.starts[i])
	return l.text[start:l.end(start)]
}

// span is where the text of a scalar is written, without quotes.
type span struct {
	start, end int
}

var (
	errPlace     = errors.New("its place in the file cannot be proved")
	errSpelling  = errors.New("it is written over several lines or with escapes")
	errCollected = errors.New("it is not a scalar")
)

// locate finds the bytes that spell a scalar. It succeeds only when they are the
// value, character for character.
func (s *source) locate(n *yaml.Node) (span, error) {
	if n.Kind != yaml.ScalarNode {
		return span{}, errCollected
	}
	off, ok := s.lines.offset(n.Line, n.Column)
	if !ok {
		return span{}, errPlace
	}
	off = skipProperties(s.text, off)
	switch style := n.Style &^ yaml.TaggedStyle; style {
	case 0:
		return s.verbatim(off, n.Value, n.Value == "")
	case yaml.DoubleQuotedStyle:
		return s.locateQuoted(off, n.Value, '"', "\"\\")
	case yaml.SingleQuotedStyle:
		return s.locateQuoted(off, n.Value, '\'', "'")
	case yaml.LiteralStyle, yaml.FoldedStyle:
		return s.locateBlock(off, n.Value)
	}
	return span{}, errPlace
}

func (s *source) verbatim(off int, value string, refuse bool) (span, error) {
	if refuse || !bytes.HasPrefix(s.text[off:], []byte(value)) {
		return span{}, errSpelling
	}
	return span{off, off + len(value)}, nil
}

func (s *source) locateQuoted(off int, value string, quote byte, special string) (span, error) {
	if off >= len(s.text) || s.text[off] != quote {
		return span{}, errPlace
	}
	at, err := s.verbatim(off+1, value, strings.ContainsAny(value, special))
	if err != nil {
		return span{}, err
	}
	if at.end >= len(s.text) || s.text[at.end] != quote {
		return span{}, errSpelling
	}
	return at, nil
}

// locateBlock accepts a block scalar whose only line is the value; its header says
// that the final line break is stripped, or the value would have one.
func (s *source) locateBlock(off int, value string) (span, error) {
	if off >= len(s.text) || s.text[off] != '|' && s.text[off] != '>' {
		return span{}, errPlace
	}
	for off < len(s.text) && breakLength(s.text, off) == 0 {
		off++
	}
	off = skipBlank(s.text, off)
	at, err := s.verbatim(off, value, value == "" || strings.ContainsAny(value, "\r\n\u0085\u2028\u2029"))
	if err != nil {
		return span{}, err
	}
	if at.end < len(s.text) && breakLength(s.text, at.end) == 0 {
		return span{}, errSpelling
	}
	return at, nil
}

// skipProperties passes over the anchor and the tag before a scalar: the parser's
// position is where they start.
func skipProperties(text []byte, off int) int {
	for off < len(text) && (text[off] == '&' || text[off] == '!') {
		for off < len(text) && !isBlank(text[off]) && breakLength(text, off) == 0 {
			off++
		}
		off = skipBlank(text, off)
		for off < len(text) && text[off] == '#' {
			for off < len(text) && breakLength(text, off) == 0 {
				off++
			}
			off = skipBlank(text, off)
		}
	}
	return off
}

// skipBlank passes over white space and line breaks.
func skipBlank(text []byte, off int) int {
	for off < len(text) {
		n := breakLength(text, off)
		switch {
		case n > 0:
			off += n
		case isBlank(text[off]):
			off++
		default:
			return off
		}
	}
	return off
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }
