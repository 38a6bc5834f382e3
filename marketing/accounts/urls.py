from __future__ import annotations

from django.urls import path

from marketing.accounts import pages, request_pages

app_name = "accounts"
urlpatterns = [
    path("", pages.AccountList.as_view(), name="list"),
    path("new/<str:type>/", pages.NewAccount.as_view(), name="new"),
    path("requests/", request_pages.RequestList.as_view(), name="requests"),
    path("requests/<str:pk>/", request_pages.RequestDetail.as_view(), name="request"),
    path("requests/<str:pk>/approve/", request_pages.ApproveRequest.as_view(), name="request-approve"),
    path("requests/<str:pk>/refuse/", request_pages.RefuseRequest.as_view(), name="request-refuse"),
    path("requests/<str:pk>/withdraw/", request_pages.WithdrawRequest.as_view(), name="request-withdraw"),
    path("<str:pk>/", pages.AccountDetail.as_view(), name="detail"),
    path("<str:pk>/authorise/", pages.AuthoriseAgain.as_view(), name="authorise"),
    path("<str:pk>/check/", pages.CheckAccount.as_view(), name="check"),
    path("<str:pk>/apps/new/", pages.AddApp.as_view(), name="app-new"),
    path("<str:pk>/delete/", pages.DeleteAccount.as_view(), name="delete"),
]
