package contract_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/getpawl/pawl/pkg/forge/githubtest"
)

// change is a mistake that is put into a recorded exchange, which must be noticed.
type change struct {
	name   string
	method string
	path   string // how it ends, or contains where it varies
	status int
	sent   bool // change the request and not the answer
	edit   func(body any) any
	wrong  func(e *githubtest.Exchange) // instead of edit
	want   string                       // in the violation
}

const graphQLPath = "/api/graphql"

var changes = []change{
	{name: "a required property is missing", method: "GET", path: "/git/ref/heads/", status: 200,
		edit: without("node_id"), want: `node_id: property "node_id" is missing`},
	{name: "a number is a string", method: "GET", path: "/pulls/1", status: 200,
		edit: with("number", "1"), want: "number: value must be an integer"},
	{name: "a string is a number", method: "GET", path: "/git/ref/heads/", status: 200,
		edit: with("ref", 1), want: "ref: value must be a string"},
	{name: "a word is not in the enumeration", method: "GET", path: "/pulls/1", status: 200,
		edit: with("state", "merged"), want: "state: value is not one of the allowed values"},
	{name: "a null is not allowed", method: "GET", path: "/pulls/1", status: 200,
		edit: with("title", nil), want: "title: Value is not nullable"},
	{name: "a time is not a time", method: "GET", path: "/pulls/1", status: 200,
		edit: with("created_at", "yesterday"), want: "created_at: string doesn't match the format"},
	{name: "an address is relative", method: "GET", path: "/pulls/1", status: 200,
		edit: with("html_url", "/pull/1"), want: "html_url: string doesn't match the format"},
	{name: "a property is made up", method: "GET", path: "/pulls/1", status: 200,
		edit: with("merge_sha", "x"), want: "merge_sha: " + undescribed},
	{name: "an inner property of a nullable object is missing", method: "GET", path: "/pulls/1", status: 200,
		edit: inside("user", without("login")), want: `user.login: property "login" is missing`},
	{name: "an inner property of an item is missing", method: "GET", path: "/statuses", status: 200,
		edit: inside("0", without("state")), want: `*.state: property "state" is missing`},
	{name: "a list is an object", method: "GET", path: "/statuses", status: 200,
		edit: func(any) any { return map[string]any{} }, want: "value must be an array"},
	{name: "a refusal is odd", method: "PATCH", path: "/git/refs/heads/", status: 422,
		edit: without("message"), want: `message: property "message" is missing`},
	{name: "a status is made up", method: "GET", path: "/git/ref/heads/", status: 200,
		wrong: func(e *githubtest.Exchange) { e.Status = 418 }, want: unlisted},
	{name: "an answer is a page", method: "GET", path: "/git/ref/heads/", status: 200,
		wrong: func(e *githubtest.Exchange) { e.ResponseHeader.Set("Content-Type", "text/html; charset=utf-8") }, want: "media type"},
	{name: "an answer is cut", method: "GET", path: "/git/ref/heads/", status: 200,
		wrong: func(e *githubtest.Exchange) { e.ResponseBody = e.ResponseBody[:len(e.ResponseBody)/2] }, want: "not JSON"},

	{name: "a required parameter is not sent", method: "POST", path: "/git/refs", status: 201, sent: true,
		edit: without("sha"), want: `request, sha: property "sha" is missing`},
	{name: "a parameter has another type", method: "PATCH", path: "/git/refs/heads/", status: 200, sent: true,
		edit: with("force", "false"), want: "request, force: value must be a boolean"},
	{name: "a parameter is misspelled", method: "POST", path: "/pulls", status: 201, sent: true,
		edit: with("drafts", true), want: "request, drafts: " + undescribed},
	{name: "a query parameter is made up", method: "GET", path: "/pulls", status: 200,
		wrong: func(e *githubtest.Exchange) { e.Query += "&heads=x" }, want: "?heads"},
	{name: "a query parameter is not in the enumeration", method: "GET", path: "/pulls", status: 200,
		wrong: func(e *githubtest.Exchange) { e.Query = "state=merged" }, want: "query state"},
	{name: "a query parameter is no number", method: "GET", path: "/pulls", status: 200,
		wrong: func(e *githubtest.Exchange) { e.Query = "per_page=all" }, want: "query per_page"},
	{name: "a path does not exist", method: "GET", path: "/git/ref/heads/", status: 200,
		wrong: func(e *githubtest.Exchange) { e.Path = strings.Replace(e.Path, "/ref/", "/reference/", 1) }, want: "no such operation"},
	{name: "a path parameter is no number", method: "GET", path: "/pulls/1", status: 200,
		wrong: func(e *githubtest.Exchange) { e.Path += "x" }, want: "path pull_number"},
	{name: "a method does not exist", method: "PATCH", path: "/pulls/1", status: 200,
		wrong: func(e *githubtest.Exchange) { e.Method = "PUT" }, want: "no such operation"},

	{name: "a field does not exist", method: "POST", path: graphQLPath, status: 200, sent: true,
		edit: with("query", `mutation($input: UpdateRefsInput!) { updateRefs(input: $input) { refs } }`), want: `request, query: Cannot query field "refs"`},
	{name: "a variable is not given", method: "POST", path: graphQLPath, status: 200, sent: true,
		edit: without("variables"), want: "request, variables: "},
	{name: "an input has another type", method: "POST", path: graphQLPath, status: 200, sent: true,
		edit: inside("variables", inside("input", with("refUpdates", "x"))), want: "request, variables: "},
	{name: "an input is misspelled", method: "POST", path: graphQLPath, status: 200, sent: true,
		edit: inside("variables", inside("input", with("repository", "x"))), want: "request, variables: "},
	{name: "a selected field is missing", method: "POST", path: graphQLPath, status: 200,
		edit: inside("data", without("updateRefs")), want: "data.updateRefs: a selected field is missing"},
	{name: "a field was not selected", method: "POST", path: graphQLPath, status: 200,
		edit: inside("data", inside("updateRefs", with("ref", "x"))), want: "data.updateRefs.ref: a field that was not selected"},
	{name: "a field has another type", method: "POST", path: graphQLPath, status: 200,
		edit: inside("data", inside("updateRefs", with("clientMutationId", 1))), want: "data.updateRefs.clientMutationId: float64"},
	{name: "nothing was answered", method: "POST", path: graphQLPath, status: 200,
		edit: without("data"), want: "neither data nor errors"},
}

// checkChanged puts one mistake at a time into an exchange of pawl's that has
// none, and expects to hear about it.
func (p published) checkChanged(t *testing.T, exchanges []githubtest.Exchange) {
	for _, c := range changes {
		t.Run(c.name, func(t *testing.T) {
			e, ok := p.sample(c, exchanges)
			if !ok {
				t.Fatal("no exchange to put the mistake into")
			}
			c.apply(t, &e)
			var found []string
			for _, v := range p.check(e) {
				found = append(found, v.String())
			}
			if !strings.Contains(strings.Join(found, "\n"), c.want) {
				t.Errorf("%q was not noticed in\n\t%s\n\tbut %q", c.want, show(e), found)
			}
		})
	}
}

// sample finds an exchange of pawl's without a violation.
func (p published) sample(c change, exchanges []githubtest.Exchange) (githubtest.Exchange, bool) {
	for _, e := range exchanges {
		fits := strings.HasSuffix(e.Path, c.path) || strings.HasSuffix(c.path, "/") && strings.Contains(e.Path, c.path)
		if !fits || !fromPawl(e) || e.Method != c.method || e.Status != c.status || string(e.ResponseBody) == "[]" {
			continue
		}
		if e.GraphQL && !strings.Contains(string(e.ResponseBody), `"updateRefs":{`) {
			continue
		}
		if found := p.check(e); e.Status == 200 && len(found) > 0 {
			continue
		}
		e.ResponseHeader = e.ResponseHeader.Clone()
		return e, true
	}
	return githubtest.Exchange{}, false
}

func (c change) apply(t *testing.T, e *githubtest.Exchange) {
	t.Helper()
	if c.wrong != nil {
		c.wrong(e)
		return
	}
	body := &e.ResponseBody
	if c.sent {
		body = &e.RequestBody
	}
	var value any
	if err := json.Unmarshal(*body, &value); err != nil {
		t.Fatal(err)
	}
	changed, err := json.Marshal(c.edit(value))
	if err != nil {
		t.Fatal(err)
	}
	*body = changed
}

// without removes a property, with sets one, inside changes what a property or
// the first item is.

func without(key string) func(any) any {
	return func(body any) any {
		delete(body.(map[string]any), key)
		return body
	}
}

func with(key string, value any) func(any) any {
	return func(body any) any {
		body.(map[string]any)[key] = value
		return body
	}
}

func inside(key string, edit func(any) any) func(any) any {
	return func(body any) any {
		if list, ok := body.([]any); ok {
			list[0] = edit(list[0])
			return body
		}
		object := body.(map[string]any)
		object[key] = edit(object[key])
		return body
	}
}
