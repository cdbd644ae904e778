# The end of the story: the ledger proved outside the database, then a row changed behind its back. Sourced by demo/run.sh.

say "6. THE PROOF. The checkpoint's signature is checked with openssl alone."
var=()
echo "$superuser=> SELECT sign_checkpoint();"
quiet "$superuser" <<<"SELECT sign_checkpoint()" | sed '$d' >"$work/checkpoint"
cat "$work/checkpoint"
# The note's text is its first three lines; the last line holds name, and base64 of key id (4 bytes) and signature (64).
sed -n 1,3p "$work/checkpoint" >"$work/text"
sed -n '$s/.* //p' "$work/checkpoint" | base64 -d | tail -c 64 >"$work/signature"
# The verifier key ends in base64 of 0x01 and the raw public key; this puts it into the DER form that openssl reads.
{
    printf '\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00'
    quiet "$superuser" <<<"SELECT verifier_key()" | cut -d + -f 3- | base64 -d | tail -c 32
} >"$work/public.der"
echo '$ openssl pkeyutl -verify -pubin -keyform DER -inkey public.der -rawin -in text -sigfile signature'
openssl pkeyutl -verify -pubin -keyform DER -inkey "$work/public.der" -rawin -in "$work/text" -sigfile "$work/signature" ||
    fail "openssl does not verify the checkpoint"
sed -i '2s/$/0/' "$work/text"
if openssl pkeyutl -verify -pubin -keyform DER -inkey "$work/public.der" -rawin -in "$work/text" -sigfile "$work/signature" >/dev/null 2>&1; then
    fail "openssl verifies an altered checkpoint"
fi
var=([note]="$(cat "$work/checkpoint")
")
echo "$superuser=> SELECT * FROM verify_ledger(:'checkpoint');"
findings=$(quiet "$superuser" <<<"SELECT * FROM verify_ledger(:'note')")
expect "findings in a sound ledger" "$findings" ""
echo "(0 rows: nothing to complain of)"
var=()

say "A superuser goes behind its back:"
sql "$superuser" <<'SQL'
ALTER TABLE installed_package DISABLE TRIGGER ALL;
UPDATE installed_package SET version = '0' WHERE host = 'root-a' AND name = 'bash';
ALTER TABLE installed_package ENABLE TRIGGER ALL;
SELECT finding, source, key, left(expected, 30) AS expected, left(found, 30) AS found FROM verify_ledger();
SQL
quiet "$superuser" <<<"SELECT finding, key FROM verify_ledger()" >"$work/findings"
grep -q 'root-a:bash' "$work/findings" || fail "verification did not name the row"
grep -q 'trigger' "$work/findings" || fail "verification did not name the trigger"
