"""Tables of the catalog: columns for what lists filter by, the document as JSON beside them."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from towpath.kit import db


class LocationRow(db.Base):
    """Where documents come from. `granted` ones may supply platform kinds, templates, people and groups."""

    __tablename__ = "catalog_location"
    id: Mapped[str] = mapped_column(primary_key=True)
    type: Mapped[str]
    target: Mapped[str] = mapped_column(unique=True)
    granted: Mapped[bool] = mapped_column(default=False)
    status: Mapped[str]
    problems: Mapped[list[Any]]
    digest: Mapped[str] = mapped_column(default="")
    created_by: Mapped[str]
    created_at: Mapped[datetime]
    refreshed_at: Mapped[datetime]


class EntityRow(db.Base):
    """One entity as it stands now. `ref`, `owner`, `system` are canonical refs; `words` is what text search looks at."""

    __tablename__ = "catalog_entity"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    uid: Mapped[str] = mapped_column(unique=True)
    ref: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    namespace: Mapped[str]
    name: Mapped[str]
    title: Mapped[str]
    type: Mapped[str | None]
    owner: Mapped[str | None]
    lifecycle: Mapped[str | None]
    system: Mapped[str | None]
    words: Mapped[str]
    etag: Mapped[str]
    doc: Mapped[dict[str, Any]]
    location_id: Mapped[str] = mapped_column(ForeignKey("catalog_location.id"))
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    __table_args__ = (
        Index("ix_catalog_entity_kind_name", "kind", "name"),
        Index("ix_catalog_entity_kind_type_name", "kind", "type", "name"),
        Index("ix_catalog_entity_kind_owner_name", "kind", "owner", "name"),
        Index("ix_catalog_entity_kind_system_name", "kind", "system", "name"),
        Index("ix_catalog_entity_owner", "owner"),
        Index("ix_catalog_entity_location_id", "location_id"),
    )


class RelationRow(db.Base):
    """One relation, stored in both directions; `entity_id` is the entity whose document says so."""

    __tablename__ = "catalog_relation"
    entity_id: Mapped[int] = mapped_column(ForeignKey("catalog_entity.id", ondelete="CASCADE"), primary_key=True)
    src: Mapped[str] = mapped_column(primary_key=True)
    type: Mapped[str] = mapped_column(primary_key=True)
    target: Mapped[str] = mapped_column(primary_key=True)
    __table_args__ = (
        Index("ix_catalog_relation_src", "src", "type"),
        Index("ix_catalog_relation_target", "target", "type"),
    )


class TagRow(db.Base):
    """One tag of one entity."""

    __tablename__ = "catalog_tag"
    entity_id: Mapped[int] = mapped_column(ForeignKey("catalog_entity.id", ondelete="CASCADE"), primary_key=True)
    tag: Mapped[str] = mapped_column(primary_key=True)
    __table_args__ = (Index("ix_catalog_tag_tag", "tag", "entity_id"),)


class HistoryRow(db.Base):
    """What an entity was, and who made it so. The row of `removed` is the tombstone: it stays when the entity is gone."""

    __tablename__ = "catalog_history"
    id: Mapped[str] = mapped_column(primary_key=True)
    uid: Mapped[str]
    ref: Mapped[str]
    action: Mapped[str]
    at: Mapped[datetime]
    actor: Mapped[str]
    location: Mapped[str]
    doc: Mapped[dict[str, Any]]
    __table_args__ = (Index("ix_catalog_history_ref_at", "ref", "at"), Index("ix_catalog_history_uid_at", "uid", "at"))


class RevisionRow(db.Base):
    """How often the organisation's documents changed: what is parsed from them is kept until this rises."""

    __tablename__ = "catalog_revision"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    value: Mapped[int]
