package git

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Message is what a commit says, and who says it.
type Message struct {
	Subject           string // one line
	Body              string // may be empty
	Trailers          []Trailer
	Author, Committer Signature
}

// Trailer is a "Key: value" line at the end of a message.
// https://git-scm.com/docs/git-interpret-trailers
type Trailer struct{ Key, Value string }

// format returns the text: subject, body and trailers, each after an empty line,
// and a final newline.
func (m Message) format() (string, error) {
	subject := strings.TrimSpace(m.Subject)
	if subject == "" || !plain(subject) {
		return "", fmt.Errorf("%q cannot be the subject of a commit", m.Subject)
	}
	parts := []string{subject}
	body, err := formatBody(m.Body)
	if err != nil {
		return "", err
	}
	if body != "" {
		parts = append(parts, body)
	}
	trailers, err := formatTrailers(m.Trailers)
	if err != nil {
		return "", err
	}
	if trailers != "" {
		parts = append(parts, trailers)
	}
	return strings.Join(parts, "\n\n") + "\n", nil
}

func formatBody(body string) (string, error) {
	if !utf8.ValidString(body) {
		return "", errors.New("the body of a commit must be UTF-8")
	}
	var lines []string
	for line := range strings.SplitSeq(body, "\n") {
		line = strings.TrimRight(line, " \t\r")
		if !plain(strings.ReplaceAll(line, "\t", " ")) {
			return "", fmt.Errorf("the body of a commit has a control character in %q", line)
		}
		lines = append(lines, line)
	}
	return strings.Trim(strings.Join(lines, "\n"), "\n"), nil
}

func formatTrailers(trailers []Trailer) (string, error) {
	lines := make([]string, len(trailers))
	for i, trailer := range trailers {
		if !trailerKey(trailer.Key) {
			return "", fmt.Errorf("%q cannot be the key of a trailer", trailer.Key)
		}
		value := strings.Trim(trailer.Value, " ")
		if value == "" || !plain(value) {
			return "", fmt.Errorf("%q cannot be the value of the trailer %s", trailer.Value, trailer.Key)
		}
		lines[i] = trailer.Key + ": " + value
	}
	return strings.Join(lines, "\n"), nil
}

func trailerKey(key string) bool {
	for _, c := range []byte(key) {
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return key != "" && key[0] != '-'
}

// Trailers returns the trailers at the end of a message, by the rules of git
// interpret-trailers with its default configuration and without its divider: the
// last paragraph, unless it is the first, where each line is a trailer or goes on
// with one; or a quarter of its lines at least, when Git wrote one of them. Values
// are on one line. The text is anybody's: so are keys and values.
// https://git-scm.com/docs/git-interpret-trailers
func Trailers(message string) []Trailer {
	var list []Trailer
	trailers, others, gits, inTrailer := 0, 0, false, false
	for _, line := range lastParagraph(message) {
		key, value, ok := strings.Cut(line, ":")
		key = strings.TrimRight(key, " \t")
		switch {
		case strings.HasPrefix(line, " "), strings.HasPrefix(line, "\t"):
			if inTrailer {
				last := &list[len(list)-1]
				last.Value = strings.TrimSpace(last.Value + " " + strings.TrimSpace(line))
			} else {
				others++
			}
		case ok && trailerKey(key):
			trailers++
			gits = gits || strings.HasPrefix(line, "Signed-off-by: ")
			inTrailer = true
			list = append(list, Trailer{key, strings.TrimSpace(value)})
		case strings.HasPrefix(line, "(cherry picked from commit "):
			trailers++
			gits, inTrailer = true, false
		default:
			others++
			inTrailer = false
		}
	}
	if others == 0 || gits && trailers*3 >= others {
		return list
	}
	return nil
}

// lastParagraph returns the lines after the last empty line, none when that is
// the whole text.
func lastParagraph(message string) []string {
	lines := strings.Split(strings.TrimSpace(message), "\n")
	for i := len(lines) - 1; i > 0; i-- {
		if strings.TrimSpace(lines[i]) == "" {
			return lines[i+1:]
		}
	}
	return nil
}
