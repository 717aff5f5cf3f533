"""authority.py: certificates of a test's own."""

import subprocess


def openssl(*words: str) -> None:
    subprocess.run(["openssl", *words], check=True, capture_output=True)


class Authority:
    def __init__(self, directory):
        self.dir = directory
        self.cert = directory / "ca.pem"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                "-subj", "/CN=Test authority", "-addext", "basicConstraints=critical,CA:TRUE",
                "-addext", "keyUsage=critical,keyCertSign,cRLSign",
                "-keyout", str(directory / "ca.key"), "-out", str(self.cert))

    def issue(self, name: str, san: str):
        key, cert, request = (self.dir / f"{name}.{kind}" for kind in ("key", "pem", "csr"))
        extensions = self.dir / f"{name}.ext"
        extensions.write_text(f"subjectAltName={san}\n")
        openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-subj", f"/CN={name}", "-keyout", str(key), "-out", str(request))
        openssl("x509", "-req", "-in", str(request), "-CA", str(self.cert), "-CAkey", str(self.dir / "ca.key"),
                "-CAcreateserial", "-days", "2", "-extfile", str(extensions), "-out", str(cert))
        return cert, key
