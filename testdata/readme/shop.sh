# Makes the repository shop of README.md's examples. $KEY is a key made up when
# the test runs; the test sets who commits, and this script says when.
set -e
git init -q shop
cd shop

at() {
	GIT_AUTHOR_DATE=$1 GIT_COMMITTER_DATE=$1
	export GIT_AUTHOR_DATE GIT_COMMITTER_DATE
}

mkdir billing
cat >billing/charge.py <<END
import os, requests

def charge(amount):
    return requests.post("https://api.martis.id/api/v1/payments/charges",
                         headers={"Authorization": "Bearer $KEY"},
                         json={"amount": amount})
END
git add .
at 2024-03-04T09:12:00Z
git commit -q -m 'Charge cards'

sed -i -e "s/\"Bearer $KEY\"/\"Bearer \" + os.environ[\"MARTIS_KEY\"]/" billing/charge.py
git add .
at 2024-05-17T16:40:00Z
git commit -q -m 'Take the key from the environment'

echo 'requests' >requirements.txt
git add .
at 2024-06-02T11:05:00Z
git commit -q -m 'List what is needed'
