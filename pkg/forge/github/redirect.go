package github

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

const maxRedirects = 3

// checkRedirect lets a read follow redirects on the API's own origin: GitHub
// answers so for a renamed repository. Everything else keeps the redirect as the
// answer, which go-github returns as an error. In particular a mutation is never
// redirected: net/http turns one into a GET after 301, 302 and 303, whose answer
// would look like the success of a mutation that nobody made.
func checkRedirect(api *url.URL) func(*http.Request, []*http.Request) error {
	return func(req *http.Request, via []*http.Request) error {
		first := via[0].Method
		if first != http.MethodGet && first != http.MethodHead {
			return http.ErrUseLastResponse
		}
		if len(via) > maxRedirects || !sameOrigin(req.URL, api) {
			return http.ErrUseLastResponse
		}
		return nil
	}
}

// redirected says what a redirect that was not followed is likely to mean.
func (c *Client) redirected(ctx context.Context, resp *http.Response) error {
	target := clip(resp.Header.Get("Location"))
	if resp.Request != nil && isRead(resp.Request.Method) {
		return fmt.Errorf("GitHub redirects to %q (%d), which is not followed: reads are redirected on %s only, and at most %d times",
			target, resp.StatusCode, c.endpoint.api.Host, maxRedirects)
	}
	err := fmt.Errorf("GitHub redirects to %q (%d), and a change is never redirected", target, resp.StatusCode)
	repository, readErr := c.repository(ctx)
	if readErr != nil {
		return fmt.Errorf("%w: the repository may have been renamed or moved", err)
	}
	if !strings.EqualFold(repository.Name, c.owner+"/"+c.name) {
		return fmt.Errorf("%w: the repository is called %s now, use that name", err, repository.Name)
	}
	return err
}

func isRead(method string) bool {
	return method == http.MethodGet || method == http.MethodHead
}
