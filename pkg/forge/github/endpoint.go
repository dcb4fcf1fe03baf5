package github

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
)

// endpoint is where one GitHub installation answers.
type endpoint struct {
	api     *url.URL // root of the REST API, ends in a slash
	graphql string
	web     string // host (and port) of the web pages and of Git
}

// parseEndpoint finds the three places from the REST API's root. The layouts are
// those of GITHUB_API_URL and GITHUB_GRAPHQL_URL: https://api.github.com and
// https://api.SUBDOMAIN.ghe.com have /graphql beside the root, GitHub Enterprise
// Server has https://HOST/api/v3 and https://HOST/api/graphql.
func parseEndpoint(apiURL string) (endpoint, error) {
	if apiURL == "" {
		apiURL = defaultAPIURL
	}
	api, err := url.Parse(apiURL)
	if err != nil {
		// The text of the error holds the URL, which can hold credentials.
		return endpoint{}, errors.New("the API URL is not a URL")
	}
	if err := checkAPIURL(api); err != nil {
		return endpoint{}, err
	}
	if !strings.HasSuffix(api.Path, "/") {
		api.Path += "/"
	}
	place := endpoint{api: api, web: api.Host}
	graph := *api
	if enterprise, found := strings.CutSuffix(api.Path, "/api/v3/"); found {
		graph.Path = enterprise + "/api/graphql"
	} else {
		graph.Path += "graphql"
		place.web = strings.TrimPrefix(api.Host, "api.")
	}
	place.graphql = graph.String()
	return place, nil
}

func checkAPIURL(api *url.URL) error {
	switch {
	case api.User != nil:
		return errors.New("the API URL holds credentials: give the token in another way")
	case api.Hostname() == "":
		return fmt.Errorf("the API URL %q has no host", api)
	case api.RawQuery != "" || api.Fragment != "" || api.RawPath != "":
		return fmt.Errorf("the API URL %q has more than a scheme, a host and a path", api)
	case api.Scheme != "https" && (api.Scheme != "http" || !loopback(api.Hostname())):
		return fmt.Errorf("the API URL %q is not https: the token would be readable on the way", api)
	}
	return nil
}

// checkCloneURL refuses an address to which the token must not go: Git's host is
// the one that belongs to the API, and the scheme is as safe as the API's.
func (e endpoint) checkCloneURL(text string) error {
	clone, err := url.Parse(text)
	if err != nil || text == "" {
		return unreadable("the repository's clone_url is missing or is no URL")
	}
	if clone.User != nil || clone.Scheme != e.api.Scheme || !strings.EqualFold(clone.Host, e.web) {
		return fmt.Errorf("the API at %s says that the repository is cloned from %q, and not from %s: the token must not go there",
			e.api.Host, clone.Redacted(), e.web)
	}
	return nil
}

// loopback says whether a host is this machine without asking a name server.
func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// sameOrigin compares scheme, host and port.
func sameOrigin(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && strings.EqualFold(a.Hostname(), b.Hostname()) && port(a) == port(b)
}

func port(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	if u.Scheme == "https" {
		return "443"
	}
	return "80"
}
