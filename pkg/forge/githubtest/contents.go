package githubtest

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"path"
	"strings"
	"unicode/utf8"
)

func contentRoutes() []route {
	return []route{
		{"GET", "/contents", reads("contents"), getContents},
		{"GET", "/contents/{path...}", reads("contents"), getContents},
		{"GET", "/git/trees/{tree_sha...}", reads("contents"), getTree},
		{"POST", "/git/trees", writes("contents"), createTree},
		{"GET", "/git/blobs/{file_sha}", reads("contents"), getBlob},
		{"POST", "/git/blobs", writes("contents"), createBlob},
		{"GET", "/commits/{ref...}", reads("contents"), getCommit},
	}
}

// maxJSONContent is up to what size contents come as JSON [docs: rest/repos/contents].
const maxJSONContent = 1 << 20

func ignoreMissing(err error) error {
	if errors.Is(err, errNoObject) {
		return nil
	}
	return err
}

func notFoundIfMissing(err error) error {
	if errors.Is(err, errNoObject) {
		return errNotFound()
	}
	return err
}

// getContents is GET /repos/{owner}/{repo}/contents/{path}: a file, or the list
// of a directory [docs: rest/repos/contents].
func getContents(ctx context.Context, q *request) (*response, error) {
	r, name := q.repo, strings.Trim(q.path["path"], "/")
	ref := q.query.Get("ref")
	sha := r.resolve(ctx, ref)
	if sha == "" && ref != "" {
		return nil, &Error{Status: 404, Message: "No commit found for the ref " + ref}
	}
	if sha == "" {
		return nil, &Error{Status: 404, Message: "This repository is empty."}
	}
	c, err := r.store().commit(ctx, sha)
	if err != nil {
		return nil, err
	}
	e, err := r.store().lookup(ctx, c.tree, name)
	if err != nil {
		return nil, notFoundIfMissing(err)
	}
	shown := ref
	if shown == "" {
		shown = r.defaultBranch
	}
	if e.isTree() {
		return r.directory(ctx, e, name, shown)
	}
	return r.file(ctx, q, c.tree, e, name, shown)
}

// directory lists what is in it. Submodules have type "file" there, "for backwards
// compatibility" [docs: rest/repos/contents].
func (r *repository) directory(ctx context.Context, dir entry, name, ref string) (*response, error) {
	entries, err := r.store().tree(ctx, dir.sha)
	if err != nil {
		return nil, err
	}
	list := []any{}
	for _, e := range entries {
		item := r.contentJSON(e, path.Join(name, e.name), ref)
		switch e.mode {
		case modeTree:
			item["type"] = "dir"
		case modeSymlink:
			item["type"] = "symlink"
		default:
			item["type"] = "file"
		}
		if e.kind() == "blob" {
			_, data, err := r.store().read(ctx, e.sha)
			if err != nil {
				return nil, err
			}
			item["size"] = len(data)
		}
		list = append(list, item)
	}
	return ok(list), nil
}

// wants says whether the request asks for a media type: application/vnd.github.NAME+json,
// with or without the +json and the v3 of old.
func wants(q *request, name string) bool {
	accept := q.http.Header.Get("Accept")
	return strings.Contains(accept, "vnd.github."+name) || strings.Contains(accept, "vnd.github.v3."+name)
}

// file answers with a file: raw bytes, or JSON up to 1 MB.
func (r *repository) file(ctx context.Context, q *request, tree string, e entry, name, ref string) (*response, error) {
	if e.kind() == "commit" {
		item := r.contentJSON(e, name, ref)
		item["type"], item["submodule_git_url"] = "submodule", r.html(".git")
		item["git_url"], item["html_url"], item["download_url"] = nil, nil, nil
		return ok(item), nil
	}
	_, data, err := r.store().read(ctx, e.sha)
	if err != nil {
		return nil, err
	}
	if e.mode == modeSymlink {
		return r.symlink(ctx, q, tree, e, name, ref, string(data))
	}
	if wants(q, "raw") {
		return &response{status: http.StatusOK, raw: data, contentType: "application/vnd.github.raw+json; charset=utf-8"}, nil
	}
	item := r.contentJSON(e, name, ref)
	item["type"], item["size"] = "file", len(data)
	item["encoding"], item["content"] = "base64", wrapped(data)
	if len(data) > maxJSONContent {
		// "the content field will be an empty string and the encoding field will be
		// none" for up to 100 MB [docs: rest/repos/contents].
		item["encoding"], item["content"] = "none", ""
	}
	return ok(item), nil
}

// symlink answers with the file that it points at, if that is in the repository,
// else with itself [docs: rest/repos/contents].
func (r *repository) symlink(ctx context.Context, q *request, tree string, e entry, name, ref, target string) (*response, error) {
	pointed, err := r.store().lookup(ctx, tree, path.Join(path.Dir(name), target))
	if err == nil && pointed.kind() == "blob" && pointed.mode != modeSymlink && !path.IsAbs(target) {
		return r.file(ctx, q, tree, pointed, name, ref)
	}
	item := r.contentJSON(e, name, ref)
	item["type"], item["target"], item["size"] = "symlink", target, len(target)
	return ok(item), ignoreMissing(err)
}

// wrapped is base64 in lines of 60 characters, as the API sends it.
func wrapped(data []byte) string {
	text := base64.StdEncoding.EncodeToString(data)
	var out strings.Builder
	for len(text) > 0 {
		n := min(60, len(text))
		out.WriteString(text[:n] + "\n")
		text = text[n:]
	}
	return out.String()
}

// contentJSON is what every kind of content has.
func (r *repository) contentJSON(e entry, name, ref string) object {
	escaped := (&url.URL{Path: name}).EscapedPath()
	kind, view := "blobs", "/blob/"
	if e.isTree() {
		kind, view = "trees", "/tree/"
	}
	self := r.api("/contents/" + escaped + "?ref=" + url.QueryEscape(ref))
	git, html := r.api("/git/"+kind+"/"+e.sha), r.html(view+ref+"/"+escaped)
	item := object{
		"size": 0, "name": e.name, "path": name, "sha": e.sha, "url": self, "git_url": git, "html_url": html,
		"download_url": nil, "_links": object{"git": git, "html": html, "self": self},
	}
	if e.kind() == "blob" {
		item["download_url"] = r.html("/raw/" + ref + "/" + escaped)
	}
	return item
}

// getTree is GET /repos/{owner}/{repo}/git/trees/{tree_sha}, which also takes the
// name of a ref or a commit; recursive with any value of the parameter [docs:
// rest/git/trees]. The limit of 100,000 entries is not modeled.
func getTree(ctx context.Context, q *request) (*response, error) {
	r, name := q.repo, q.path["tree_sha"]
	sha := name
	if r.store().kind(ctx, name) != "tree" {
		resolved := r.resolve(ctx, name)
		if resolved == "" {
			return nil, errNotFound()
		}
		c, err := r.store().commit(ctx, resolved)
		if err != nil {
			return nil, err
		}
		sha = c.tree
	}
	body, err := r.treeJSON(ctx, sha, q.query.Has("recursive"))
	if err != nil {
		return nil, err
	}
	return ok(body), nil
}

// treeJSON is the schema git-tree.
func (r *repository) treeJSON(ctx context.Context, sha string, recursive bool) (object, error) {
	list := []any{}
	var sizes error
	add := func(name string, e entry) {
		item := object{"path": name, "mode": padded(e.mode), "type": e.kind(), "sha": e.sha}
		if e.kind() != "commit" {
			item["url"] = r.api("/git/" + e.kind() + "s/" + e.sha)
		}
		if e.kind() == "blob" {
			_, data, err := r.store().read(ctx, e.sha)
			sizes = errors.Join(sizes, err)
			item["size"] = len(data)
		}
		list = append(list, item)
	}
	if recursive {
		if err := r.store().walk(ctx, sha, "", add); err != nil {
			return nil, err
		}
	} else {
		entries, err := r.store().tree(ctx, sha)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			add(e.name, e)
		}
	}
	return object{"sha": sha, "url": r.api("/git/trees/" + sha), "truncated": false, "tree": list}, sizes
}

func padded(mode string) string {
	if mode == modeTree {
		return "040000"
	}
	return mode
}

// createTree is POST /repos/{owner}/{repo}/git/trees: entries with a sha, with
// content, or, to delete, with a sha of null [docs: rest/git/trees].
func createTree(ctx context.Context, q *request) (*response, error) {
	var in struct {
		BaseTree string `json:"base_tree"`
		Tree     []struct {
			Path, Mode, Type string
			SHA, Content     *string
		}
	}
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	s := q.repo.store()
	base := in.BaseTree
	if c, err := s.commit(ctx, base); err == nil { // a commit's name will do
		base = c.tree
	}
	if base != "" && s.kind(ctx, base) != "tree" {
		return nil, unprocessable("base_tree is not a valid tree oid")
	}
	changes := map[string]entry{}
	for _, item := range in.Tree {
		e := entry{mode: strings.TrimPrefix(item.Mode, "0")}
		switch {
		case item.Content != nil:
			sha, err := s.write("blob", []byte(*item.Content))
			if err != nil {
				return nil, err
			}
			e.sha = sha
		case item.SHA != nil:
			if e.kind() != "commit" && s.kind(ctx, *item.SHA) != e.kind() {
				return nil, unprocessable("tree.sha " + *item.SHA + " is not a valid " + e.kind())
			}
			e.sha = *item.SHA
		}
		changes[item.Path] = e
	}
	sha, err := s.splice(ctx, base, changes)
	if err != nil {
		return nil, err
	}
	if sha, err = s.rootTree(sha); err != nil {
		return nil, err
	}
	body, err := q.repo.treeJSON(ctx, sha, false)
	if err != nil {
		return nil, err
	}
	return created(body), nil
}

// getBlob is GET /repos/{owner}/{repo}/git/blobs/{file_sha}.
func getBlob(ctx context.Context, q *request) (*response, error) {
	sha := q.path["file_sha"]
	kind, data, err := q.repo.store().read(ctx, sha)
	if err != nil || kind != "blob" {
		return nil, errors.Join(ignoreMissing(err), errNotFound())
	}
	if wants(q, "raw") {
		return &response{status: http.StatusOK, raw: data, contentType: "application/vnd.github.raw+json; charset=utf-8"}, nil
	}
	return ok(object{
		"sha": sha, "node_id": nodeID("B", q.repo.id) + sha, "size": len(data), "url": q.repo.api("/git/blobs/" + sha),
		"content": wrapped(data), "encoding": "base64",
	}), nil
}

// createBlob is POST /repos/{owner}/{repo}/git/blobs.
func createBlob(_ context.Context, q *request) (*response, error) {
	var in struct {
		Content  *string
		Encoding string
	}
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	if in.Content == nil {
		return nil, missingField("content")
	}
	data := []byte(*in.Content)
	if in.Encoding == "base64" {
		decoded, err := base64.StdEncoding.DecodeString(string(bytes.ReplaceAll(data, []byte("\n"), nil)))
		if err != nil {
			return nil, unprocessable("content is not valid Base64")
		}
		data = decoded
	} else if !utf8.Valid(data) {
		return nil, unprocessable("content is not valid UTF-8")
	}
	sha, err := q.repo.store().write("blob", data)
	if err != nil {
		return nil, err
	}
	return created(object{"sha": sha, "url": q.repo.api("/git/blobs/" + sha)}), nil
}
