"""Pages of audiences."""

from __future__ import annotations

from django.urls import path

from cdp.console import folder_pages
from insight.audiences import (
    builder,
    cards,
    looking,
    making,
    many_pages,
    overlap_pages,
    pages,
    table_pages,
    views,
)
from insight.audiences.folders import folders

app_name = "audiences"
urlpatterns = [
    path("", views.AudienceList.as_view(), name="list"),
    path("new/", builder.NewAudience.as_view(), name="new"),
    path("builder/fields/<str:dataset>/", builder.Fields.as_view(), name="builder-fields"),
    path("builder/values/<str:dataset>/<path:column>/", builder.Values.as_view(), name="builder-values"),
    *folder_pages.urls(folders, views.SEE, "audiences:list"),
    path("upload/", making.UploadAudience.as_view(), name="upload"),
    path("upload/template/", making.UploadTemplate.as_view(), name="upload-template"),
    path("from-table/", table_pages.AudienceFromTable.as_view(), name="from-table"),
    path("from-table/tables/", table_pages.Tables.as_view(), name="tables"),
    path("combine/", making.CombineAudiences.as_view(), name="combine"),
    path("combine/choices/", making.CombineChoices.as_view(), name="combine-choices"),
    path("from-rfm/<str:dataset>/", making.AudienceFromRfm.as_view(), name="from-rfm"),
    path("overlap/", overlap_pages.OverlapPage.as_view(), name="overlap"),
    path("overlap.csv", overlap_pages.OverlapCsv.as_view(), name="overlap-csv"),
    path("refresh/", views.RefreshMany.as_view(), name="refresh-many"),
    path("move/", views.MoveAudiences.as_view(), name="move"),
    path("delete/", many_pages.DeleteMany.as_view(), name="delete-many"),
    path("copy/", many_pages.CopyMany.as_view(), name="copy-many"),
    path("download/", many_pages.DownloadMany.as_view(), name="download-many"),
    path("use/", many_pages.UseMany.as_view(), name="use-many"),
    path("states/", cards.States.as_view(), name="states"),
    path("<str:pk>/", pages.AudienceDetail.as_view(), name="detail"),
    path("<str:pk>/card/source/", cards.SourceCard.as_view(), name="source-card"),
    path("<str:pk>/card/snapshots/", cards.SnapshotsCard.as_view(), name="snapshots-card"),
    path("<str:pk>/card/menu/", cards.MenuCard.as_view(), name="menu-card"),
    path("<str:pk>/edit/", builder.EditAudience.as_view(), name="edit"),
    path("<str:pk>/combination/", making.EditCombination.as_view(), name="combination"),
    path("<str:pk>/details/", making.EditDetails.as_view(), name="details"),
    path("<str:pk>/file/", making.ReplaceFile.as_view(), name="replace-file"),
    path("<str:pk>/refused/", making.RefusedLines.as_view(), name="refused"),
    path("<str:pk>/compare/", looking.CompareVersions.as_view(), name="compare"),
    path("<str:pk>/person/", looking.ExplainPerson.as_view(), name="person"),
    path("<str:pk>/versions/", pages.VersionsTable.as_view(), name="versions"),
    path("<str:pk>/members/", pages.MembersTable.as_view(), name="members"),
    path("<str:pk>/add-id/", pages.AddId.as_view(), name="add-id"),
    path("<str:pk>/refresh/", pages.RefreshNow.as_view(), name="refresh"),
    path("<str:pk>/settings/", pages.RefreshSettings.as_view(), name="settings"),
    path("<str:pk>/copy/", pages.CopyAudience.as_view(), name="copy"),
    path("<str:pk>/delete/", pages.DeleteAudience.as_view(), name="delete"),
    path("<str:pk>/saved/", views.Saved.as_view(), name="saved"),
    path("<str:pk>/download/", pages.DownloadOptions.as_view(), name="download-options"),
    path("<str:pk>/export/", pages.Download.as_view(), name="export"),
    path("<str:pk>/snapshots/", pages.TakeSnapshot.as_view(), name="snapshot-take"),
    path(
        "<str:pk>/snapshots/<str:snapshot>/export/", pages.SnapshotDownload.as_view(), name="snapshot-export"
    ),
    path("<str:pk>/snapshots/<str:snapshot>/delete/", pages.DeleteSnapshot.as_view(), name="snapshot-delete"),
]
