package main

import "github.com/kafka-sidecar/kafka-sidecar/pkg/offsets"

// tlsKeys are the keys of one TLS set-up; peer is who is spoken to.
func tlsKeys(under, peer string, t *offsets.TLS) []key {
	return []key{
		{under + ".enabled", "", "TLS to " + peer, boolean{&t.Enabled}, ""},
		{under + ".ca_file", "path", "certificates to trust, PEM; empty = the system's", text{&t.CAFile, printable}, ""},
		{under + ".cert_file", "path", "client certificate, PEM", text{&t.CertFile, printable}, ""},
		{under + ".key_file", "path", "its key, PEM", text{&t.KeyFile, printable}, ""},
		{under + ".server_name", "", "name expected in the certificate; empty = the one dialled", text{&t.ServerName, printable}, ""},
		{under + ".insecure_skip_verify", "", "no verification; warned about at every start", boolean{&t.InsecureSkipVerify}, ""},
	}
}
