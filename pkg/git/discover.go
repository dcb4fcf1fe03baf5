package git

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
)

const infoRefs = "/info/refs"

// advertisement is what a server shows before anything is asked of it.
type advertisement struct {
	base *url.URL // where the repository is: a server may redirect within its origin
	refs map[string]string
	can  *capability.List
}

// discover asks for the refs and the capabilities of a service. It comes before
// every push and, once, before the first fetch, as the protocol demands.
func (r *Remote) discover(ctx context.Context, service string) (*advertisement, error) {
	var found *advertisement
	err := r.retry(ctx, func() (err error) {
		found, err = r.discoverOnce(ctx, service)
		return err
	})
	if err == nil && service == uploadPack {
		r.mu.Lock()
		r.upload = found
		r.mu.Unlock()
	}
	return found, err
}

// uploadCapabilities returns what is known of the server already, else asks it.
func (r *Remote) uploadCapabilities(ctx context.Context) (*advertisement, error) {
	r.mu.Lock()
	known := r.upload
	r.mu.Unlock()
	if known != nil {
		return known, nil
	}
	return r.discover(ctx, uploadPack)
}

func (r *Remote) discoverOnce(ctx context.Context, service string) (*advertisement, error) {
	base := r.base
	response, err := r.advertised(ctx, base, service)
	if err != nil {
		return nil, err
	}
	if redirected(response) {
		if base, err = r.redirect(base, response); err != nil {
			return nil, err
		}
		if response, err = r.advertised(ctx, base, service); err != nil {
			return nil, err
		}
	}
	if err := r.statusError(response); err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if err := r.expectKind(response, "application/x-"+service+"-advertisement"); err != nil {
		return nil, err
	}
	refs, can, err := r.decodeAdvertisement(ctx, response)
	return &advertisement{base: base, refs: refs, can: can}, err
}

func (r *Remote) advertised(ctx context.Context, base *url.URL, service string) (*http.Response, error) {
	target := base.JoinPath(infoRefs)
	target.RawQuery = "service=" + service
	return r.send(ctx, http.MethodGet, target, service, nil)
}

func (r *Remote) decodeAdvertisement(ctx context.Context, response *http.Response) (map[string]string, *capability.List, error) {
	decoded := packp.NewAdvRefs()
	err := decoded.Decode(response.Body)
	refs := map[string]string{}
	if errors.Is(err, packp.ErrEmptyAdvRefs) {
		return refs, decoded.Capabilities, nil
	}
	var said *pktline.ErrorLine
	if errors.As(err, &said) {
		return nil, nil, fmt.Errorf("the server said: %s", r.clean(said.Text))
	}
	if err != nil {
		return nil, nil, r.readError(ctx, response, err)
	}
	if format := decoded.Capabilities.Get("object-format"); len(format) > 0 && format[0] != "sha1" {
		return nil, nil, fmt.Errorf("the repository's object format is %q: only sha1 is supported", r.clean(format[0]))
	}
	for name, id := range decoded.References {
		refs[name] = id.String()
	}
	if decoded.Head != nil {
		refs["HEAD"] = decoded.Head.String()
	}
	return refs, decoded.Capabilities, nil
}

func redirected(response *http.Response) bool {
	switch response.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

// redirect follows one redirect of the first request, as Git does, but only
// within the origin: a renamed repository, not another server.
// https://git-scm.com/docs/git-config#Documentation/git-config.txt-httpfollowRedirects
func (r *Remote) redirect(from *url.URL, response *http.Response) (*url.URL, error) {
	response.Body.Close()
	location, err := url.Parse(response.Header.Get("Location"))
	if err != nil {
		return nil, errors.New("the server redirects to an address that cannot be read")
	}
	target := from.JoinPath(infoRefs).ResolveReference(location)
	if !sameOrigin(from, target) || target.User != nil {
		return nil, fmt.Errorf("the server redirects to %q: no credential is sent there; if it is right, use that address",
			r.clean(target.Scheme+"://"+target.Host))
	}
	path, ok := strings.CutSuffix(target.Path, infoRefs)
	if !ok {
		return nil, fmt.Errorf("the server redirects to %q, which is not a repository: is a login needed?", r.clean(target.Path))
	}
	r.trace("the repository is now at %s", path)
	return &url.URL{Scheme: from.Scheme, Host: from.Host, Path: path}, nil
}
