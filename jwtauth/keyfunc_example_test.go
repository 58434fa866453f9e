package jwtauth_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/gatehouse-go/gatehouse/jwtauth"
	"github.com/gatehouse-go/gatehouse/pipeline"
)

// Keys that rotate: each token names its key in the header "kid".
func ExampleOptions_keyFunc() {
	keys := map[string][]byte{
		"2030-01": []byte("32 random bytes of January ......"),
		"2030-02": []byte("32 random bytes of February ....."),
	}
	guard, err := jwtauth.New[jwt.RegisteredClaims](jwtauth.Options{
		Method: jwt.SigningMethodHS256,
		KeyFunc: func(_ context.Context, t *jwt.Token) (any, error) {
			id, _ := t.Header["kid"].(string)
			key, ok := keys[id]
			if !ok {
				return nil, errors.New("unknown key")
			}
			return key, nil
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	for _, id := range []string{"2030-02", "2029-12"} {
		token := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.RegisteredClaims{
			Subject: "u1", ExpiresAt: jwt.NewNumericDate(time.Now().Add(time.Hour)),
		})
		token.Header["kid"] = id
		signed, _ := token.SignedString(keys["2030-02"])

		r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
		r.Header.Set("Authorization", "Bearer "+signed)
		fmt.Println(id, guard.Check(context.Background(), &pipeline.Call{Kind: pipeline.KindHTTP, Request: r}) == nil)
	}
	// Output:
	// 2030-02 true
	// 2029-12 false
}
