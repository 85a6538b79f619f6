"""ConfigMaps and Secrets of Brokers, each got by its name: they are not listed nor watched, which needs no right to."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from tradewind.api_server import CONFIG_MAPS, SECRETS, ApiServer, GroupVersionResource, Object
from tradewind.control import broker_config, finalizers
from tradewind.control.broker_config import BrokerConfig, Lack
from tradewind.control.conditions import Condition
from tradewind.control.kafkas import Kafkas
from tradewind.errors import ApiDenied, InvalidSettings
from tradewind.resources import kafka_auth
from tradewind.resources.kafka_auth import KafkaAuth
from tradewind.resources.model import Broker, ConfigMap, NamespacedName


@dataclass(frozen=True, slots=True)
class Configured:
    """What a Broker's config comes to, with its Secret's content."""

    config: BrokerConfig
    auth: KafkaAuth | None = None
    """How to be let in for this Broker; None: as the installation is."""

    def refused(self, condition: Condition) -> "Configured":
        """The same where this is what ConfigParsed says."""
        return Configured(replace(self.config, condition=condition))


class Configs:
    """What Brokers' configs name."""

    def __init__(self, api: ApiServer, kafkas: Kafkas, *, system: str, kafka: str) -> None:
        self._api = api
        self._kafkas = kafkas
        self._system = system
        self._kafka = kafka

    async def of(self, broker: Broker) -> Configured:
        """What this Broker's config comes to now."""
        asked = broker_config.asked(broker, self._system)
        if isinstance(asked, Condition):
            return Configured(BrokerConfig(asked))
        found, instead = await self._config_map(asked), None
        if not broker_config.counts(asked, found, self._system):
            instead, asked = asked, NamespacedName(self._system, broker_config.DEFAULT)
            found = await self._config_map(asked)
        refused = broker_config.elsewhere(asked, broker.metadata.name.namespace, self._system)
        if refused is not None:
            return Configured(BrokerConfig(refused))
        config = broker_config.parsed(asked, found, system=self._system, kafka=self._kafka, instead=instead)
        return await self.opened(Configured(config))

    async def opened(self, configured: Configured) -> Configured:
        """With what its Secret says, where it names one."""
        secret = configured.config.secret
        if secret is None:
            return configured
        auth = await self.auth(secret)
        return configured.refused(auth) if isinstance(auth, Condition) else replace(configured, auth=auth)

    async def auth(self, secret: NamespacedName) -> KafkaAuth | Condition:
        """What this Secret says; ConfigParsed where that cannot be had."""
        found = await _got(self._api, SECRETS, secret)
        if isinstance(found, Lack):
            return broker_config.secret_lacking(secret, found)
        auth = kafka_auth.read(_decoded(found), "data.")
        if not isinstance(auth, KafkaAuth):
            return broker_config.secret_faulty(secret, tuple(auth))
        try:
            self._kafkas.of(auth)  # what OpenSSL alone can judge: whether a key is a certificate's
        except InvalidSettings as invalid:
            return broker_config.secret_faulty(secret, invalid.faults)
        return auth

    async def hold(self, secret: NamespacedName, uid: str) -> Condition | None:
        """Have the Secret stay as long as this Broker lives; ConfigParsed where that may not be done.

        In the installation's namespace: where another is deleted, the Role that lets us take the finalizer off again
        goes as well, and both would stay for ever.
        """
        if secret.namespace != self._system:
            return None
        found = await _got(self._api, SECRETS, secret)
        if isinstance(found, Lack):
            return broker_config.secret_lacking(secret, found)
        return await self._patched(secret, finalizers.added(found, finalizers.of_broker(uid)))

    async def free(self, secret: NamespacedName, uid: str) -> Condition | None:
        """Let the Secret go, as far as this Broker is concerned; ConfigParsed where that may not be done."""
        found = await _got(self._api, SECRETS, secret)
        if isinstance(found, Lack):  # gone, or with a Role that is gone: nothing more can be done
            return None if found is Lack.ABSENT else broker_config.secret_lacking(secret, found)
        return await self._patched(secret, finalizers.removed(found, finalizers.of_broker(uid)))

    async def _patched(self, secret: NamespacedName, patch: Object | None) -> Condition | None:
        if patch is not None:
            try:
                await self._api.patch(SECRETS, secret, patch)
            except ApiDenied:
                return broker_config.secret_lacking(secret, Lack.DENIED)
        return None

    async def _config_map(self, name: NamespacedName) -> ConfigMap | Lack:
        found = await _got(self._api, CONFIG_MAPS, name)
        return found if isinstance(found, Lack) else broker_config.config_map(found)


async def _got(api: ApiServer, resource: GroupVersionResource, name: NamespacedName) -> Object | Lack:
    try:
        return await api.get(resource, name) or Lack.ABSENT
    except ApiDenied:
        return Lack.DENIED


def _decoded(secret: Mapping[str, Any]) -> Mapping[str, bytes]:  # a Secret's JSON
    return {key: base64.b64decode(text) for key, text in (secret.get("data") or {}).items()}
