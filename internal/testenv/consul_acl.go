package testenv

import (
	"encoding/json"
	"net/http"
)

// ConsulToken is a token of the access control that ConsulACL switches on.
type ConsulToken struct {
	Accessor string `json:"AccessorID"` // names it in the API; not secret
	Secret   string `json:"SecretID"`   // what a client sends
}

// SetPolicy writes the rules of a policy, which is made if there is none of the name. Tokens that have it follow at once; with
// no rules ("") they are refused everything.
func (c *ConsulServer) SetPolicy(name, rules string) {
	c.t.Helper()
	path := "/v1/acl/policy"
	if status, body := c.Call(http.MethodGet, path+"/name/"+name, nil); status == http.StatusOK {
		var found struct{ ID string }
		c.decode(body, &found)
		path += "/" + found.ID
	}
	c.put(path, map[string]string{"Name": name, "Rules": rules})
}

// NewToken makes a token with a policy.
func (c *ConsulServer) NewToken(policy string) ConsulToken {
	c.t.Helper()
	var token ConsulToken
	c.decode(c.put("/v1/acl/token", map[string]any{"Policies": []any{map[string]string{"Name": policy}}}), &token)
	return token
}

// DeleteToken makes a token unknown.
func (c *ConsulServer) DeleteToken(token ConsulToken) {
	c.t.Helper()
	if status, body := c.Call(http.MethodDelete, "/v1/acl/token/"+token.Accessor, nil); status != http.StatusOK {
		c.t.Fatalf("delete token %s: Consul answered %d: %s", token.Accessor, status, body)
	}
}

func (c *ConsulServer) put(path string, content any) []byte {
	c.t.Helper()
	sent, err := json.Marshal(content)
	if err != nil {
		c.t.Fatal(err)
	}
	status, body := c.Call(http.MethodPut, path, sent)
	if status != http.StatusOK {
		c.t.Fatalf("PUT %s: Consul answered %d: %s", path, status, body)
	}
	return body
}

func (c *ConsulServer) decode(body []byte, into any) {
	c.t.Helper()
	if err := json.Unmarshal(body, into); err != nil {
		c.t.Fatalf("decode Consul's answer: %v", err)
	}
}
