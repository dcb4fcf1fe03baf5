package githubtest

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A parser for the part of GraphQL that requests consist of [spec.graphql.org,
// October 2021, section 2]: operations with variables, fields, arguments and
// values. Fragments and directives are told apart as not understood.

// operation is one query or mutation.
type operation struct {
	kind   string // query, mutation or subscription
	name   string
	fields []field
}

// field is one selected field.
type field struct {
	alias, name  string
	arguments    map[string]any
	fields       []field
	line, column int
}

// key is the name of the field in the answer.
func (f field) key() string { return or(f.alias, f.name) }

// variable is a $name in a value, to be replaced by what the request gives.
type variable string

// lexeme is one token: a name, a number, a string or a mark.
type lexeme struct {
	kind         byte // n name, i number, s string, else the mark itself; 0 at the end
	text         string
	line, column int
}

type graphqlParser struct {
	tokens []lexeme
	at     int
	depth  int
}

// maxDepth bounds nesting, so that no document can exhaust the stack.
const maxDepth = 64

// syntaxError is GraphQL that cannot be read, with its place.
type syntaxError struct {
	text         string
	line, column int
}

func (e *syntaxError) Error() string { return e.text }

// parseGraphQL reads a document.
func parseGraphQL(text string) ([]operation, error) {
	tokens, err := lex(text)
	if err != nil {
		return nil, err
	}
	p := &graphqlParser{tokens: tokens}
	var list []operation
	for p.peek().kind != 0 {
		op, err := p.operation()
		if err != nil {
			return nil, err
		}
		list = append(list, op)
	}
	if list == nil {
		return nil, &syntaxError{"Unexpected end of document", 1, 1}
	}
	return list, nil
}

// lex cuts a document into tokens.
func lex(text string) ([]lexeme, error) {
	var tokens []lexeme
	line, start := 1, 0
	for i := 0; i < len(text); {
		c := text[i]
		here := lexeme{line: line, column: i - start + 1}
		switch {
		case c == '\n':
			line, start = line+1, i+1
			i++
			continue
		case c == ' ' || c == '\t' || c == '\r' || c == ',' || strings.HasPrefix(text[i:], "\ufeff"):
			_, size := utf8.DecodeRuneInString(text[i:])
			i += size
			continue
		case c == '#':
			for i < len(text) && text[i] != '\n' {
				i++
			}
			continue
		}
		size, err := here.scan(text[i:])
		if err != nil {
			return nil, err
		}
		i += size
		tokens = append(tokens, here)
	}
	return append(tokens, lexeme{line: line, column: len(text) - start + 1}), nil
}

// scan reads the token at the start of text and returns its length.
func (l *lexeme) scan(text string) (int, error) {
	c := text[0]
	switch {
	case c == '_' || isLetter(c):
		n := span(text, func(b byte) bool { return b == '_' || isLetter(b) || isDigit(b) })
		l.kind, l.text = 'n', text[:n]
		return n, nil
	case c == '-' || isDigit(c):
		n := 1 + span(text[1:], func(b byte) bool { return isDigit(b) || strings.IndexByte(".eE+-", b) >= 0 })
		l.kind, l.text = 'i', text[:n]
		return n, nil
	case c == '"':
		return l.scanString(text)
	case strings.IndexByte("!$():=@[]{}|&", c) >= 0:
		l.kind, l.text = c, text[:1]
		return 1, nil
	case strings.HasPrefix(text, "..."):
		l.kind, l.text = '.', "..."
		return 3, nil
	}
	return 0, &syntaxError{fmt.Sprintf("Parse error on bad token %q", c), l.line, l.column}
}

// scanString reads "…"; block strings are not understood.
func (l *lexeme) scanString(text string) (int, error) {
	fail := &syntaxError{"Parse error on a string that is not understood", l.line, l.column}
	if strings.HasPrefix(text, `"""`) {
		return 0, fail
	}
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '\n':
			return 0, fail
		case '"':
			plain, err := strconv.Unquote(strings.ReplaceAll(text[:i+1], `\/`, `/`))
			if err != nil {
				return 0, fail
			}
			l.kind, l.text = 's', plain
			return i + 1, nil
		}
	}
	return 0, fail
}

func isLetter(b byte) bool { return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' }
func isDigit(b byte) bool  { return b >= '0' && b <= '9' }

func span(text string, in func(byte) bool) int {
	n := 0
	for n < len(text) && in(text[n]) {
		n++
	}
	return n
}

func (p *graphqlParser) peek() lexeme { return p.tokens[p.at] }

func (p *graphqlParser) next() lexeme {
	token := p.tokens[p.at]
	if token.kind != 0 {
		p.at++
	}
	return token
}

// skip takes the next token if it is the mark.
func (p *graphqlParser) skip(mark byte) bool {
	if p.peek().kind != mark {
		return false
	}
	p.at++
	return true
}

func (p *graphqlParser) need(mark byte) (lexeme, error) {
	token := p.next()
	if token.kind != mark {
		return token, unexpected(token)
	}
	return token, nil
}

func unexpected(token lexeme) error {
	if token.kind == 0 {
		return &syntaxError{"Unexpected end of document", token.line, token.column}
	}
	return &syntaxError{fmt.Sprintf("Parse error on %q", token.text), token.line, token.column}
}

// operation reads one definition; a bare selection is a query.
func (p *graphqlParser) operation() (operation, error) {
	op := operation{kind: "query"}
	if p.peek().kind == 'n' {
		op.kind = p.next().text
		if op.kind != "query" && op.kind != "mutation" && op.kind != "subscription" {
			return op, unexpected(p.tokens[p.at-1])
		}
		if p.peek().kind == 'n' {
			op.name = p.next().text
		}
		if err := p.variables(); err != nil {
			return op, err
		}
	}
	fields, err := p.selection()
	op.fields = fields
	return op, err
}

// variables reads ($a: T! = default, …) and forgets the types: the values are
// checked where they are used.
func (p *graphqlParser) variables() error {
	if !p.skip('(') {
		return nil
	}
	for !p.skip(')') {
		for _, mark := range []byte{'$', 'n', ':'} {
			if _, err := p.need(mark); err != nil {
				return err
			}
		}
		for strings.IndexByte("[]!n", p.peek().kind) >= 0 && p.peek().kind != 0 {
			p.next()
		}
		if p.skip('=') {
			if _, err := p.value(); err != nil {
				return err
			}
		}
	}
	return nil
}

// selection reads { … }.
func (p *graphqlParser) selection() ([]field, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, unexpected(p.peek())
	}
	defer func() { p.depth-- }()
	if _, err := p.need('{'); err != nil {
		return nil, err
	}
	var list []field
	for !p.skip('}') {
		f, err := p.field()
		if err != nil {
			return nil, err
		}
		list = append(list, f)
	}
	return list, nil
}

func (p *graphqlParser) field() (field, error) {
	token, err := p.need('n')
	f := field{name: token.text, line: token.line, column: token.column}
	if err != nil {
		return f, err
	}
	if p.skip(':') {
		name, err := p.need('n')
		if err != nil {
			return f, err
		}
		f.alias, f.name = f.name, name.text
	}
	if p.skip('(') {
		if f.arguments, err = p.pairs(')'); err != nil {
			return f, err
		}
	}
	if p.peek().kind == '{' {
		f.fields, err = p.selection()
	}
	return f, err
}

// pairs reads name: value until the closing mark.
func (p *graphqlParser) pairs(end byte) (map[string]any, error) {
	values := map[string]any{}
	for !p.skip(end) {
		name, err := p.need('n')
		if err != nil {
			return nil, err
		}
		if _, err := p.need(':'); err != nil {
			return nil, err
		}
		if values[name.text], err = p.value(); err != nil {
			return nil, err
		}
	}
	return values, nil
}

// value reads a value; enums come back as strings.
func (p *graphqlParser) value() (any, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, unexpected(p.peek())
	}
	defer func() { p.depth-- }()
	token := p.next()
	switch token.kind {
	case '$':
		name, err := p.need('n')
		return variable(name.text), err
	case 's':
		return token.text, nil
	case 'i':
		number, err := strconv.ParseFloat(token.text, 64)
		if err != nil {
			return nil, unexpected(token)
		}
		return number, nil
	case 'n':
		switch token.text {
		case "true", "false":
			return token.text == "true", nil
		case "null":
			return nil, nil
		}
		return token.text, nil
	case '{':
		return p.pairs('}')
	case '[':
		list := []any{}
		for !p.skip(']') {
			item, err := p.value()
			if err != nil {
				return nil, err
			}
			list = append(list, item)
		}
		return list, nil
	}
	return nil, unexpected(token)
}

// resolve replaces variables in a value.
func resolveVariables(value any, variables map[string]any) any {
	switch v := value.(type) {
	case variable:
		return variables[string(v)]
	case []any:
		list := make([]any, len(v))
		for i, item := range v {
			list[i] = resolveVariables(item, variables)
		}
		return list
	case map[string]any:
		result := make(map[string]any, len(v))
		for key, item := range v {
			result[key] = resolveVariables(item, variables)
		}
		return result
	}
	return value
}
