package github

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/getpawl/pawl/pkg/forge"
)

// File returns the bytes of the file at path in the commit sha, which is a full
// SHA, or empty for the head of the default branch. It returns
// [forge.ErrNotFound] when the commit is there and the file is not.
func (c *Client) File(ctx context.Context, path, sha string) ([]byte, error) {
	op := operation{doing: fmt.Sprintf("reading %s at %s", path, cmp.Or(sha, "the default branch")), needs: "contents: read"}
	ctx = c.begin(ctx)
	data, err := c.file(ctx, path, sha)
	if status(err) == http.StatusNotFound {
		err = c.fileAbsent(ctx, path, sha)
	}
	return data, c.explain(ctx, op, err)
}

// file asks for the raw bytes: in JSON they come as base64 and only up to 1 MB.
// The path is escaped here because go-github refuses every path with two dots in
// it.
func (c *Client) file(ctx context.Context, path, sha string) ([]byte, error) {
	segments, err := splitPath(path)
	if err != nil {
		return nil, err
	}
	address := c.path(append([]string{"contents"}, segments...)...)
	if sha != "" {
		if err := checkSHA(sha); err != nil {
			return nil, err
		}
		address += "?ref=" + url.QueryEscape(sha)
	}
	req, err := c.api.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/vnd.github.raw+json")
	var data bytes.Buffer
	resp, err := c.api.Do(ctx, req, &data)
	if err != nil {
		return nil, err
	}
	if media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); media == "application/json" {
		return nil, fmt.Errorf("%s is a directory or a submodule, not a file", path)
	}
	return data.Bytes(), nil
}

// fileAbsent proves that the commit can be read, so that its file is what was not
// found. That the commit is not there is no absence of the file.
func (c *Client) fileAbsent(ctx context.Context, path, sha string) error {
	if err := c.proveCommit(ctx, sha); err != nil {
		return err
	}
	return fmt.Errorf("%w: there is no file %s", forge.ErrNotFound, path)
}

func (c *Client) proveCommit(ctx context.Context, sha string) error {
	if sha == "" {
		return c.proveVisible(ctx)
	}
	if c.known.hasCommit(sha) {
		return nil
	}
	answer, _, err := c.api.Git.GetCommit(ctx, c.owner, c.name, sha)
	if status(err) == http.StatusNotFound {
		return cmp.Or(c.proveVisible(ctx), errors.New("the repository has no such commit"))
	}
	if err != nil {
		return err
	}
	if err := require("commit", field{"sha", answer.GetSHA() == sha}); err != nil {
		return err
	}
	c.known.addCommit(sha)
	return nil
}

func splitPath(path string) ([]string, error) {
	segments := strings.Split(path, "/")
	for _, segment := range segments {
		if segment == "" || segment == "." || segment == ".." {
			return nil, fmt.Errorf("%q is not a path in a repository", path)
		}
	}
	return segments, nil
}
