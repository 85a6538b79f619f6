"""Keeps the webhook's certificates: in one Secret, in what API servers trust, and in the TLS context that serves.

    Secret ──certificates──► Kept ──► caBundle of both configurations ──► SSLContext     in this order, so that nobody
      ▲                       │                                                          gets what is not trusted yet
      └──────── written ◄── rotation.decide

The Secret is the truth.  It is written under its resourceVersion: of two replicas one wins, and the other goes on from
what it finds.  Whatever somebody damages or takes away is made anew at the next look.
"""

import asyncio
import ssl
from collections.abc import Callable, Iterable

from tradewind.api_server import SECRETS, ApiServer, GroupVersionResource, Object
from tradewind.control.webhook import certificates, configurations, rotation
from tradewind.control.webhook.rotation import Begin, Kept, Pair, Prepare, Rest, Write
from tradewind.errors import ApiConflict, ApiFailed
from tradewind.observe.health import Health
from tradewind.observe.logs import Log
from tradewind.pem_file import pem_file
from tradewind.resources.model import NamespacedName

SECRET = "tradewind-webhook-certs"
"""Name of the Secret, in the installation's namespace."""
LOOK = 10.0
"""Seconds between two looks: three small reads."""
AGAIN = 1.0
"""Seconds before the next look while something is missing."""
ROUNDS = 10
"""Steps of one look.  From nothing at all it takes two; each race that is lost takes one more."""
CERTIFICATE, TRUSTED = "certificate", "webhook configurations"
NEEDS = (CERTIFICATE, TRUSTED)
"""What must be there before the webhook is ready."""

log = Log("webhook")


def context() -> ssl.SSLContext:
    """A server's, without a certificate yet."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    return made


class Keeper:
    """One replica's."""

    def __init__(
        self, api: ApiServer, tls: ssl.SSLContext, health: Health, *, namespace: str, names: Iterable[str]
    ) -> None:
        self._api = api
        self._tls = tls
        self._health = health
        self._secret = NamespacedName(namespace, SECRET)
        self._names = frozenset(names)
        self._told = ""
        self.served: Pair | None = None
        """What new connections get."""

    async def run(self, clock: Callable[[], float]) -> None:
        """Look, without end; `clock` is the time of day."""
        while True:
            well = False
            try:
                well = await self.look(clock())
                self._tell("" if well else f"no {configurations.NAME} is there to be told whom to trust")
            except ApiFailed as failed:
                self._tell(str(failed))
            await asyncio.sleep(LOOK if well else AGAIN)

    def _tell(self, why: str) -> None:
        """Once for each thing that is wrong."""
        if why and why != self._told:
            log.warning("certificates cannot be looked after", why=why, secret=str(self._secret))
        self._told = why

    async def look(self, now: float) -> bool:
        """Do what is due; whether API servers know whom to trust.  Raises ApiFailed."""
        published = False
        for _ in range(ROUNDS):
            try:
                secret = await self._api.get(SECRETS, self._secret)
                kept = certificates.kept(_data(secret))
                published = await self._publish(kept)
                self._serve(kept, now, published)
                step = rotation.decide(kept, now=now, names=self._names, published=published)
                if isinstance(step, Rest):
                    return published
                await self._write(secret, self._after(step, kept, now))
            except ApiConflict:
                continue  # another replica was quicker: look again
        return published

    def _after(self, step: Begin | Prepare | Write, kept: Kept, now: float) -> Kept:
        log.info("certificates change", step=type(step).__name__, secret=str(self._secret))
        match step:
            case Begin():
                made = certificates.make(self._names, now)
                return rotation.begun(kept, made, now=now, served=self.served)
            case Prepare():
                return rotation.prepared(kept, certificates.make(self._names, now), now=now)
            case Write(changed):
                return changed

    async def _write(self, secret: Object | None, kept: Kept) -> None:
        data = certificates.data(kept)
        if secret is None:
            metadata = {"namespace": self._secret.namespace, "name": self._secret.name}
            whole = {"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "metadata": metadata, "data": data}
            await self._api.create(SECRETS, whole)
        else:
            await self._api.replace(SECRETS, self._secret, {**secret, "data": data})

    def _serve(self, kept: Kept, now: float, published: bool) -> None:
        """Load the current pair once its authority is trusted, or where there is nothing better."""
        pair, better = kept.current, self.served is not None and self.served.valid(now)
        if pair is None or pair == self.served or (better and not published):
            return
        load(self._tls, pair)
        self.served = pair
        self._health.reached(CERTIFICATE)
        log.info("certificate loaded", until=round(pair.ends), names=", ".join(sorted(pair.names)))

    async def _publish(self, kept: Kept) -> bool:
        """Let both configurations hold the bundle; whether they do."""
        if kept.current is None:
            return False
        bundle = certificates.encoded(kept.bundle)
        found = [
            await self._trusted(resource, bundle) for resource in (configurations.MUTATING, configurations.VALIDATING)
        ]
        if all(found):
            self._health.reached(TRUSTED)
        return all(found)

    async def _trusted(self, resource: GroupVersionResource, bundle: str) -> bool:
        """Let each webhook of a configuration trust the bundle; False where there is no such configuration."""
        name = NamespacedName("", configurations.NAME)
        found = await self._api.get(resource, name)
        if found is None:
            return False
        webhooks = found.get("webhooks") or []
        changed = [{**one, "clientConfig": {**one["clientConfig"], "caBundle": bundle}} for one in webhooks]
        if changed == webhooks:
            return True
        version = {"resourceVersion": found["metadata"]["resourceVersion"]}  # a merge patch replaces the whole list
        return await self._api.patch(resource, name, {"metadata": version, "webhooks": changed}) is not None


def load(tls: ssl.SSLContext, pair: Pair) -> None:
    """Let new connections get this pair; those that are open stay as they are."""
    with pem_file(pair.certificate + pair.key) as file:
        tls.load_cert_chain(file)


def _data(secret: Object | None) -> dict[str, str]:
    data = (secret or {}).get("data") or {}
    return {name: held for name, held in data.items() if isinstance(held, str)}
