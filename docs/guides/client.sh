# A Fivefold client in bash, curl and openssl 3: signs every request (RFC 9421, RFC 9530), and
# verifies every answer before it is read. Source it, then: signed METHOD PATH [BODY [KEY]]
#
#   FIVEFOLD_URL    the bureau             FIVEFOLD_KEY    your private key, PEM (Ed25519)
#   FIVEFOLD_KEYID  the keyid that you were told when you registered the public half
#
# The answer's body is printed, and lies in answer.json; its HTTP status is in $status.

# member NAME: a text member of the last answer.
member() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p" answer.json; }

sha256() { printf 'sha-256=:%s:' "$(openssl dgst -sha256 -binary | base64 -w0)"; }

signed() {
    local method=$1 target=$FIVEFOLD_URL$2 body=${3-} key=${4-} digest='' covered base sent=()
    covered='"@method" "@target-uri"'
    base=$(printf '"@method": %s\n"@target-uri": %s' "$method" "$target")
    if [[ $body ]]; then
        digest=$(printf %s "$body" | sha256)
        covered+=' "content-digest"'
        base+=$(printf '\n"content-digest": %s' "$digest")
        sent+=(-H "Content-Digest: $digest" -H 'Content-Type: application/json')
        sent+=(--data-binary "$body")
    fi
    if [[ $key ]]; then
        covered+=' "idempotency-key"'
        base+=$(printf '\n"idempotency-key": %s' "$key")
        sent+=(-H "Idempotency-Key: $key")
    fi
    # created: now. nonce: fresh for every request, a repetition too.
    local params="($covered);created=$(date +%s);nonce=\"$(openssl rand -hex 16)\""
    params+=";keyid=\"$FIVEFOLD_KEYID\";tag=\"fivefold-request\""
    printf '%s\n"@signature-params": %s' "$base" "$params" >base.txt
    local signature
    signature=$(openssl pkeyutl -sign -rawin -in base.txt -inkey "$FIVEFOLD_KEY" | base64 -w0)
    status=$(curl -sS -X "$method" "$target" "${sent[@]}" -D headers.txt -o answer.json \
        -H "Signature-Input: bank=$params" -H "Signature: bank=:$signature:" -w '%{http_code}') ||
        return 1
    verified "$method" "$target" "$digest" "$signature" || return 1
    cat answer.json
    echo
}

# field NAME: a header of the last answer.
field() { tr -d '\r' <headers.txt | sed -n "s/^$1: //Ip" | tail -n 1; }

# The signature base is built again from what the answer says it covers, and from what was sent.
verified() {
    local method=$1 target=$2 digest=$3 signature=$4 input part value
    input=$(field signature-input)
    input=${input#fivefold=}
    [[ $input == *';tag="fivefold-response"'* ]] || { echo 'the answer is not signed' >&2; return 1; }
    : >base.txt
    for part in $(printf %s "$input" | sed 's/^(\([^)]*\)).*/\1/'); do
        case $part in
            '"@status"') value=$status ;;
            '"content-digest"') value=$(field content-digest) ;;
            '"@method";req') value=$method ;;
            '"@target-uri";req') value=$target ;;
            '"content-digest";req') value=$digest ;;
            '"signature";req;key="bank"') value=":$signature:" ;;
            *) echo "the answer covers $part, which this client does not know" >&2; return 1 ;;
        esac
        printf '%s: %s\n' "$part" "$value" >>base.txt
    done
    printf '"@signature-params": %s' "$input" >>base.txt
    bureau_key
    field signature | sed 's/^fivefold=:\(.*\):$/\1/' | base64 -d >signature.bin
    openssl pkeyutl -verify -rawin -pubin -inkey bureau.pem -in base.txt -sigfile signature.bin \
        >/dev/null && [[ $(field content-digest) == "$(sha256 <answer.json)" ]] && return
    echo 'the answer does not verify: throw it away' >&2
    return 1
}

# The bureau's public key, from its directory: once.
bureau_key() {
    [[ -f bureau.pem ]] && return
    local x
    x=$(curl -fsS "$FIVEFOLD_URL/.well-known/http-message-signatures-directory" |
        sed 's/.*"x":"\([^"]*\)".*/\1/' | tr '_-' '/+')
    { printf '\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00'; printf '%s=' "$x" | base64 -d; } |
        openssl pkey -pubin -inform DER -out bureau.pem
}
