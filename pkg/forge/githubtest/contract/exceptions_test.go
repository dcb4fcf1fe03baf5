package contract_test

import "strings"

// exception is a violation that is one of the description and not of ours.
type exception struct {
	operation string // empty is any
	side      string // or how it begins
	at        string
	problem   string
	reason    string // and its source
}

func (x exception) covers(v violation) bool {
	return (x.operation == "" || x.operation == v.operation) && strings.HasPrefix(v.side, x.side) &&
		x.at == v.at && x.problem == v.problem
}

// exceptions are all that is let pass. The body of an answer whose status is not
// described is compared with the schemas of refusals nevertheless.
var exceptions = []exception{
	// Statuses that any operation has, and of which most operations do not say so.
	{
		side: "answer 301", problem: unlisted,
		reason: "a repository that was renamed redirects every operation [docs: best practices for using the REST API, follow redirects]",
	}, {
		side: "answer 304", problem: unlisted,
		reason: "most endpoints return an ETag, and 304 to who has the answer already [docs: best practices for using the REST API, conditional requests]",
	}, {
		side: "answer 401", problem: unlisted,
		reason: "bad credentials are refused before the operation is looked at [docs: authenticating to the REST API, failed login limit; rest-api-description#132]",
	}, {
		side: "answer 403", problem: unlisted,
		reason: "a token without the permission is refused everywhere [docs: troubleshooting the REST API, resource not accessible]",
	}, {
		side: "answer 404", problem: unlisted,
		reason: "what a token may not see is not found, whatever the operation [docs: troubleshooting the REST API, 404 not found for an existing resource]",
	},

	// 422 is described for most operations that take input. These take some, too.
	{
		operation: "POST /repos/{owner}/{repo}/statuses/{sha}", side: "answer 422", problem: unlisted,
		reason: "a wrong or missing parameter is a 422 [docs: troubleshooting the REST API, validation failed]",
	}, {
		operation: "POST /repos/{owner}/{repo}/check-runs", side: "answer 422", problem: unlisted,
		reason: "as for statuses",
	}, {
		operation: "PATCH /repos/{owner}/{repo}/check-runs/{check_run_id}", side: "answer 422", problem: unlisted,
		reason: "as for statuses",
	}, {
		operation: "GET /repos/{owner}/{repo}/commits/{ref}/check-runs", side: "answer 422", problem: unlisted,
		reason: "a ref that is no commit is a 422, which is described for GET /repos/{owner}/{repo}/commits/{ref}",
	},

	{
		side: "answer 4", at: "status", problem: undescribed,
		reason: "every refusal repeats its status as a string. The schema basic-error has it, validation-error and the schemas of 405 and 409 do not",
	}, {
		operation: "GET /repos/{owner}/{repo}/contents/{path}", side: "answer 200",
		problem: "a media type that is not described: application/vnd.github.raw+json",
		reason:  "the text of the operation has it, its structure does not [rest-api-description#6089]",
	}, {
		operation: "POST /repos/{owner}/{repo}/issues/{issue_number}/labels", side: "request", problem: "value must be an object",
		reason: `go-github v60 sends a bare list; "you can also pass an array of labels directly" [the description of labels in the same schema]`,
	},
}
