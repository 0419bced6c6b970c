package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/weft-go/weft/examples/internal/certs"
)

// protocol is what the server speaks, as ALPN has it. A client that offers
// others only is refused with the alert no_application_protocol; one that offers
// nothing is served.
const protocol = "echo"

// flags are what the command line says.
type flags struct {
	certs      certs.Flags
	clientCA   string
	clientAuth clientAuth
	limits     limits
}

// clientAuth is what is asked of clients.
type clientAuth uint8

const (
	authNone clientAuth = iota
	authOptional
	authRequired
)

func (a clientAuth) String() string { return [...]string{"none", "optional", "required"}[a] }

// MarshalText and UnmarshalText are for flags.
func (a clientAuth) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText takes what String gives.
func (a *clientAuth) UnmarshalText(text []byte) error {
	for _, known := range []clientAuth{authNone, authOptional, authRequired} {
		if known.String() == string(text) {
			*a = known
			return nil
		}
	}
	return errors.New("want none, optional or required")
}

// config makes the tls.Config. What it leaves to crypto/tls are the session
// tickets: their keys are made by the process, a new one each day, and a client
// comes back with one for up to a week, in TLS 1.2 as in 1.3. Servers that are to
// know each other's clients share keys by SetSessionTicketKeys.
func (f *flags) config() (*tls.Config, error) {
	cert, err := f.certs.Load()
	if err != nil {
		return nil, err
	}
	c := &tls.Config{
		Certificates: []tls.Certificate{cert},
		MinVersion:   tls.VersionTLS12,
		NextProtos:   []string{protocol},
	}
	if f.clientAuth == authNone {
		return c, nil
	}
	c.ClientAuth = tls.VerifyClientCertIfGiven
	if f.clientAuth == authRequired {
		c.ClientAuth = tls.RequireAndVerifyClientCert
	}
	ca := f.clientCA
	if ca == "" && f.certs.Dir != "" {
		ca = filepath.Join(f.certs.Dir, certs.CAFile)
	}
	if ca == "" {
		return nil, fmt.Errorf("-client-auth %v needs -client-ca or -certs", f.clientAuth)
	}
	c.ClientCAs, err = certs.Pool(ca)
	return c, err
}
