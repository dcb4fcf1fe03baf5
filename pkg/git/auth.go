package git

import (
	"encoding/base64"
	"errors"
	"net/url"
	"strings"
)

// Auth is what a server asks for: a user name and a password (or a token in its
// place), or the ready value of an Authorization header. The zero value is
// anonymous. It never prints its content.
type Auth struct {
	Username, Password string
	Header             string // e.g. "basic eHg6eXk="; wins over the other two
}

// String hides the credential.
func (a Auth) String() string {
	if a == (Auth{}) {
		return "anonymous"
	}
	return "[redacted]"
}

// GoString hides the credential.
func (a Auth) GoString() string { return "git.Auth{" + a.String() + "}" }

// header is the value of the Authorization header, empty for none.
func (a Auth) header() (string, error) {
	value := a.Header
	if value == "" && a.Username+a.Password != "" {
		if strings.Contains(a.Username, ":") {
			return "", errors.New("a user name with a colon cannot be sent")
		}
		value = "Basic " + base64.StdEncoding.EncodeToString([]byte(a.Username+":"+a.Password))
	}
	// What a header may hold: https://www.rfc-editor.org/rfc/rfc9110#section-5.5
	for _, c := range []byte(value) {
		if c < ' ' || c == 0x7f {
			return "", errors.New("the credential contains a control character; does it end in a line break?")
		}
	}
	return value, nil
}

// Token returns the token of a credential that holds one as GitHub takes it for
// Git, beside the user name x-access-token; empty when it holds anything else.
func (a Auth) Token() string {
	header, err := a.header()
	scheme, value, _ := strings.Cut(header, " ")
	if err != nil || !strings.EqualFold(scheme, "basic") {
		return ""
	}
	decoded, err := base64.StdEncoding.DecodeString(strings.TrimSpace(value))
	user, token, _ := strings.Cut(string(decoded), ":")
	if err != nil || user != tokenUser {
		return ""
	}
	return token
}

// TokenAuth is the credential for a token of GitHub's. Any user name will do
// beside it; this one works for every kind.
// https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app/authenticating-as-a-github-app-installation
func TokenAuth(token string) Auth { return Auth{Username: tokenUser, Password: token} }

const tokenUser = "x-access-token"

// secrets are the texts that must not be shown, in every spelling that a server
// could send back.
func (a Auth) secrets() []string {
	header, _ := a.header()
	_, credential, _ := strings.Cut(header, " ")
	password := a.Password
	if decoded, err := base64.StdEncoding.DecodeString(credential); err == nil && password == "" {
		_, password, _ = strings.Cut(string(decoded), ":")
	}
	var list []string
	for _, secret := range []string{credential, password, url.QueryEscape(password), url.PathEscape(password)} {
		if len(secret) >= 4 {
			list = append(list, secret)
		}
	}
	return list
}
