package git

import (
	"net/url"
	"strings"
)

// NetrcCredential finds the credential for a URL in the text of a .netrc file:
// that of the first machine with the URL's host name, else the default one. Like
// curl, which Git uses, it compares the host without its port.
// It returns [ErrNoCredential] when there is none with a password.
// https://everything.curl.dev/usingcurl/netrc.html
func NetrcCredential(text, repository string) (Auth, error) {
	target, err := remoteURL(repository)
	if err != nil {
		return Auth{}, err
	}
	for _, entry := range parseNetrc(text) {
		if entry.matches(target) && entry.auth.Password != "" {
			return entry.auth, nil
		}
	}
	return Auth{}, ErrNoCredential
}

// netrcEntry is what a .netrc file says of one machine.
type netrcEntry struct {
	machine string // empty: every machine
	auth    Auth
}

func (e netrcEntry) matches(target *url.URL) bool {
	return e.machine == "" || strings.EqualFold(e.machine, target.Hostname())
}

// parseNetrc reads all entries, in their order. Words that it does not know are
// passed over, as they always were.
func parseNetrc(text string) []netrcEntry {
	var entries []netrcEntry
	words := netrcWords(text)
	for i := 0; i < len(words); i++ {
		value := ""
		if i+1 < len(words) {
			value = words[i+1].text
		}
		if words[i].quoted {
			continue
		}
		switch words[i].text {
		case "machine":
			if value == "" {
				return entries
			}
			entries = append(entries, netrcEntry{machine: value})
			i++
		case "default":
			entries = append(entries, netrcEntry{})
		case "login", "password", "account":
			if len(entries) > 0 {
				entries[len(entries)-1].set(words[i].text, value)
			}
			i++
		}
	}
	return entries
}

func (e *netrcEntry) set(key, value string) {
	switch key {
	case "login":
		e.auth.Username = value
	case "password":
		e.auth.Password = value
	}
}

type netrcWord struct {
	text   string
	quoted bool
}

// netrcWords splits the text at white space. It leaves out lines that begin with
// a hash, and macros: from the word macdef to the next empty line.
func netrcWords(text string) []netrcWord {
	var words []netrcWord
	macro := false
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case macro:
			macro = line != ""
			continue
		case strings.HasPrefix(line, "#"):
			continue
		}
		for line != "" {
			var word netrcWord
			word, line = nextNetrcWord(line)
			if macro = word == (netrcWord{text: "macdef"}); macro {
				break
			}
			words = append(words, word)
		}
	}
	return words
}

// nextNetrcWord takes one word off a line. Quotes are as curl has them: a
// backslash makes n, r and t control characters, and anything else itself.
func nextNetrcWord(line string) (word netrcWord, rest string) {
	if line[0] != '"' {
		end := strings.IndexAny(line, " \t")
		if end < 0 {
			end = len(line)
		}
		return netrcWord{text: line[:end]}, strings.TrimLeft(line[end:], " \t")
	}
	var b strings.Builder
	for i := 1; i < len(line); i++ {
		c := line[i]
		switch {
		case c == '"':
			return netrcWord{b.String(), true}, strings.TrimLeft(line[i+1:], " \t")
		case c == '\\' && i+1 < len(line):
			i++
			if c = line[i]; strings.IndexByte("nrt", c) >= 0 {
				c = map[byte]byte{'n': '\n', 'r': '\r', 't': '\t'}[c]
			}
		}
		b.WriteByte(c)
	}
	return netrcWord{b.String(), true}, ""
}
