package git

import (
	"errors"
	"strings"
	"testing"
)

func TestNetrcCredential(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		text, want string // user:password, empty for none
	}{
		"none":                      {"", ""},
		"one line":                  {"machine github.com login me password secret", "me:secret"},
		"many lines":                {"machine github.com\n\tlogin me\n\tpassword secret\n", "me:secret"},
		"CRLF":                      {"machine github.com\r\nlogin me\r\npassword secret\r\n", "me:secret"},
		"password first":            {"machine github.com password secret login me", "me:secret"},
		"no login":                  {"machine github.com password secret", ":secret"},
		"no password":               {"machine github.com login me", ""},
		"upper case":                {"machine GitHub.com login me password secret", "me:secret"},
		"another machine":           {"machine example.com login me password secret", ""},
		"longer name":               {"machine github.com.evil.example login me password secret", ""},
		"subdomain":                 {"machine api.github.com login me password secret", ""},
		"the second":                {"machine example.com login a password b\nmachine github.com login me password secret", "me:secret"},
		"the first of two":          {"machine github.com login a password b\nmachine github.com login me password secret", "a:b"},
		"default":                   {"machine example.com login a password b\ndefault login me password secret", "me:secret"},
		"before the default":        {"machine github.com login a password b\ndefault login me password secret", "a:b"},
		"account":                   {"machine github.com login me account password password secret", "me:secret"},
		"account, value is a word":  {"machine github.com account machine login me password secret", "me:secret"},
		"password is a word":        {"machine github.com login machine password default", "machine:default"},
		"comment":                   {"# machine github.com login a password b\nmachine github.com login me password secret", "me:secret"},
		"hash in a password":        {"machine github.com login me password sec#ret", "me:sec#ret"},
		"macro":                     {"machine example.com login a password b\nmacdef init\nmachine github.com login a password b\n\nmachine github.com login me password secret", "me:secret"},
		"macro without end":         {"macdef init\nmachine github.com login a password b\n", ""},
		"quoted":                    {`machine "github.com" login "m e" password "se\"c\\ret"`, `m e:se"c\ret`},
		"quoted control characters": {`machine github.com login me password "a\tb\nc\rd"`, "me:a\tb\nc\rd"},
		"quotes without end":        {`machine github.com login me password "secret`, "me:secret"},
		"a quoted keyword":          {`machine github.com login me "password" secret`, ""},
		"ends after machine":        {"default login a password b machine", "a:b"},
		"ends after password":       {"machine github.com login a password", ""},
		"values before a machine":   {"login a password b machine github.com", ""},
		"unknown words":             {"machine github.com port 21 login me password secret", "me:secret"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			auth, err := NetrcCredential(test.text, "https://github.com:443/acme/config.git")
			got := auth.Username + ":" + auth.Password
			if test.want == "" {
				if got != ":" || !errors.Is(err, ErrNoCredential) {
					t.Errorf("got %q, %v", got, err)
				}
				return
			}
			if err != nil || got != test.want {
				t.Errorf("got %q, %v, want %q", got, err, test.want)
			}
		})
	}
}

func FuzzNetrc(f *testing.F) {
	f.Add("machine github.com login me password secret")
	f.Add("default\nlogin \"a\\\"b\" password x\nmacdef m\n\n# c")
	f.Fuzz(func(t *testing.T, text string) {
		for _, word := range netrcWords(text) {
			if !word.quoted && (word.text == "" || strings.ContainsAny(word.text, " \t\n")) {
				t.Errorf("%q is no word of %q", word.text, text)
			}
		}
		_, _ = NetrcCredential(text, "https://github.com/acme/config.git")
	})
}
