package githubtest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// Paging by number [docs: using pagination in the REST API]: 30 a page unless
// asked, at most 100.
const (
	defaultPerPage = 30
	maxPerPage     = 100
)

// paging reads per_page and page; values that make no sense become the default.
func (q *request) paging() (perPage, page int) {
	perPage = atoiOr(q.query.Get("per_page"), defaultPerPage)
	if perPage < 1 {
		perPage = defaultPerPage
	}
	return min(perPage, maxPerPage), max(atoiOr(q.query.Get("page"), 1), 1)
}

func atoiOr(text string, otherwise int) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		return otherwise
	}
	return n
}

// paged cuts one page out of a list and sets the Link header.
func paged[T any](q *request, all []T, render func(T) any) *response {
	cut, header := onePage(q, all)
	body := make([]any, 0, len(cut))
	for _, item := range cut {
		body = append(body, render(item))
	}
	return &response{status: http.StatusOK, header: header, body: body}
}

func onePage[T any](q *request, all []T) ([]T, http.Header) {
	perPage, page := q.paging()
	last := max((len(all)+perPage-1)/perPage, 1)
	from := min((page-1)*perPage, len(all))
	to := min(from+perPage, len(all))
	return all[from:to], q.links(page, last)
}

// links builds the Link header; there is none when all is on one page.
func (q *request) links(page, last int) http.Header {
	header := http.Header{}
	var parts []string
	add := func(rel string, n int) {
		parts = append(parts, fmt.Sprintf(`<%s>; rel="%s"`, q.pageURL(url.Values{"page": {strconv.Itoa(n)}}), rel))
	}
	if page > 1 {
		add("prev", min(page-1, last))
	}
	if page < last {
		add("next", page+1)
		add("last", last)
	}
	if page > 1 {
		add("first", 1)
	}
	if parts != nil {
		header.Set("Link", strings.Join(parts, ", "))
	}
	return header
}

// pageURL is the request's own URL with some parameters replaced.
func (q *request) pageURL(replace url.Values) string {
	query := url.Values{}
	for key, values := range q.query {
		query[key] = values
	}
	for key, values := range replace {
		if len(values) == 0 {
			query.Del(key)
			continue
		}
		query[key] = values
	}
	return q.server.url + q.http.URL.EscapedPath() + "?" + query.Encode()
}

// etag is weak, as GitHub's are for JSON.
func etag(body []byte) string {
	sum := sha256.Sum256(body)
	return `W/"` + hex.EncodeToString(sum[:]) + `"`
}

// unchanged says whether the client has this answer already: 304, which does not
// count against the rate limit [docs: best practices for using the REST API,
// conditional requests].
func unchanged(r *http.Request, tag string) bool {
	if r.Method != http.MethodGet {
		return false
	}
	for candidate := range strings.SplitSeq(r.Header.Get("If-None-Match"), ",") {
		if strings.TrimPrefix(strings.TrimSpace(candidate), "W/") == strings.TrimPrefix(tag, "W/") {
			return true
		}
	}
	return false
}
