package git

import (
	"strings"
	"testing"
)

func TestParseURL(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"https://github.com/acme/config.git":              "github.com acme config",
		"https://github.com/acme/config":                  "github.com acme config",
		"https://github.com/acme/config/":                 "github.com acme config",
		"https://GitHub.com/Acme/Config.git":              "github.com Acme Config",
		"https://github.com:443/acme/config":              "github.com acme config",
		"https://git.example.com:8443/acme/config.git":    "git.example.com:8443 acme config",
		"http://127.0.0.1:4000/acme/config.git":           "127.0.0.1:4000 acme config",
		"http://[::1]:4000/acme/config.git":               "[::1]:4000 acme config",
		"https://x:" + canary + "@github.com/acme/config": "github.com acme config",
		"ssh://git@github.com/acme/config.git":            "github.com acme config",
		"ssh://git@github.com:22/acme/config.git":         "github.com acme config",
		"ssh://git@ssh.github.com:443/acme/config.git":    "github.com acme config",
		"git+ssh://git@github.com/acme/config":            "github.com acme config",
		"git@github.com:acme/config.git":                  "github.com acme config",
		"github.com:acme/config":                          "github.com acme config",
		"git@github.com:/acme/config.git":                 "github.com acme config",
		"org-123@github.com:acme/my.config.git":           "github.com acme my.config",
		"https://github.com/acme/config.git.git":          "github.com acme config.git",
		"https://github.com/acme":                         "",
		"https://github.com/acme/config/tree/main":        "",
		"https://github.com/../config":                    "",
		"https://github.com/acme/..":                      "",
		"https://github.com/acme/.git":                    "",
		"https://github.com/acme/con%2ffig":               "",
		"https://github.com/acme/config?x=y":              "",
		"https://github.com/acme/config#x":                "",
		"https:///acme/config":                            "",
		"file:///srv/acme/config":                         "",
		"git://github.com/acme/config":                    "",
		"ext::sh -c x":                                    "",
		"/srv/acme/config":                                "",
		"./acme:config/x":                                 "",
		"acme/config":                                     "",
		"":                                                "",
		"git@github.com:acme/con fig":                     "",
		"git@git hub.com:acme/config":                     "",
		"x:" + canary + "@github.com:acme/config":         "",
		"https://x:" + canary + "@github.com/acme":        "",
		"https://x:" + canary + "%@github.com/acme/x":     "",
		"https://" + canary + "@github.com/a/b/c":         "",
	} {
		host, owner, name, err := ParseURL(raw)
		got := strings.TrimSpace(host + " " + owner + " " + name)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", raw, got, err)
		}
		if err != nil {
			noCanary(t, err.Error())
		}
	}
}

func TestWithoutCredentials(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"https://github.com/a/b":                "https://github.com/a/b",
		"https://x:" + canary + "@g.com/a/b":    "https://g.com/a/b",
		"https://" + canary + "@g.com/a/b":      "https://g.com/a/b",
		"ssh://git@g.com/a/b":                   "ssh://git@g.com/a/b",
		"ssh://git:" + canary + "@g.com/a/b":    "ssh://g.com/a/b",
		"git@g.com:a/b":                         "git@g.com:a/b",
		"git:" + canary + "@g.com:a/b":          "g.com:a/b",
		"https://x:" + canary + "%zz@g.com/a/b": "g.com/a/b",
	} {
		if got := withoutCredentials(raw); got != want {
			t.Errorf("%q: %q", raw, got)
		}
	}
}
