package git

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// ParseURL reads host, owner and name out of a remote's URL:
// https://host/owner/name.git, ssh://git@host/owner/name or git@host:owner/name.
// The host is in lower case; a port is part of it for http and https only, where
// it is not the default one. Errors do not hold what could be a credential.
func ParseURL(raw string) (host, owner, name string, err error) {
	host, path, err := splitURL(raw)
	if err != nil {
		return "", "", "", err
	}
	owner, name, ok := strings.Cut(strings.Trim(path, "/"), "/")
	name = strings.TrimSuffix(name, ".git")
	if !ok || !repositoryName(owner) || !repositoryName(name) {
		return "", "", "", fmt.Errorf("%q is not the URL of a repository OWNER/NAME", withoutCredentials(raw))
	}
	return host, owner, name, nil
}

func splitURL(raw string) (host, path string, err error) {
	if !strings.Contains(raw, "://") {
		return splitSCP(raw)
	}
	parsed, err := url.Parse(raw)
	if err != nil || parsed.RawQuery != "" || parsed.Fragment != "" || parsed.Hostname() == "" {
		return "", "", errors.New("the URL of the repository cannot be read")
	}
	host = strings.ToLower(parsed.Hostname())
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	switch parsed.Scheme {
	case "https", "http":
		port := parsed.Port()
		if port != "" && port != map[string]string{"https": "443", "http": "80"}[parsed.Scheme] {
			host += ":" + port
		}
	case "ssh", "git+ssh", "ssh+git":
		host = sshHost(host)
	default:
		return "", "", fmt.Errorf("a repository over %q is not on a hosting service", parsed.Scheme)
	}
	return host, parsed.Path, nil
}

// splitSCP reads [user@]host:path. As for Git, a slash before the colon makes it
// a local path. https://git-scm.com/docs/git-clone#_git_urls
func splitSCP(raw string) (host, path string, err error) {
	host, path, ok := strings.Cut(raw, ":")
	if !ok || strings.Contains(host, "/") {
		return "", "", fmt.Errorf("%q is a local path, not a URL", withoutCredentials(raw))
	}
	host = strings.ToLower(host[strings.LastIndexByte(host, '@')+1:])
	if host == "" || strings.Trim(host, "abcdefghijklmnopqrstuvwxyz0123456789.-_") != "" {
		return "", "", errors.New("the URL of the repository cannot be read")
	}
	return sshHost(host), path, nil
}

// sshHost knows that GitHub answers SSH under another name on the HTTPS port.
// https://docs.github.com/authentication/troubleshooting-ssh/using-ssh-over-the-https-port
func sshHost(host string) string {
	if host == "ssh.github.com" {
		return "github.com"
	}
	return host
}

func repositoryName(name string) bool {
	if name == "" || name == "." || name == ".." || len(name) > 100 {
		return false
	}
	for _, c := range []byte(name) {
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	return true
}

// withoutCredentials takes user and password out of a URL. The user name of SSH
// is no secret, and needed.
func withoutCredentials(raw string) string {
	if parsed, err := url.Parse(raw); err == nil && strings.Contains(raw, "://") {
		_, secret := parsed.User.Password()
		if parsed.User != nil && (secret || !strings.Contains(parsed.Scheme, "ssh")) {
			parsed.User = nil
			return parsed.String()
		}
		return raw
	}
	at := strings.LastIndexByte(raw, '@')
	if at >= 0 && strings.ContainsAny(raw[:at], ":/") {
		return raw[at+1:]
	}
	return raw
}
